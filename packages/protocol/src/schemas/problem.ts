import { integer, object, optionalMember, string } from './json-schema.ts';

/** Members of every problem document (RFC 9457). */
export const problemMembers = {
  type: string({ description: 'urn:pisync:error: and the code.' }),
  title: string({ description: 'The same for all problems of this code.' }),
  status: integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
  code: string({
    description: 'Stable name of the error; see the table of codes in the specification.',
  }),
  detail: optionalMember(string({ description: 'What was wrong this time and how to mend it.' })),
  field: optionalMember(
    string({ description: 'The member or parameter that is wrong, as the sender spelled it.' }),
  ),
  device_id: optionalMember(
    string({ maxLength: 128, description: 'The device, as far as it could be read.' }),
  ),
};

/** Every error reply, as `application/problem+json`; further members may stand in it. */
export const problem = object(problemMembers, {
  title: 'Problem',
  additionalProperties: true,
  description: 'RFC 9457 problem details. Try again only on 429, 502, 503 and 504, after Retry-After.',
  examples: [
    {
      type: 'urn:pisync:error:missing_field',
      title: 'A required field is missing',
      status: 400,
      code: 'missing_field',
      detail: 'total_errors is missing; send a whole number, 0 or more',
      field: 'total_errors',
      device_id: 'pibook-0001',
    },
  ],
});
