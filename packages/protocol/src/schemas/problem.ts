import Type from 'typebox';

/** Members of every problem document (RFC 9457). */
export const problemMembers = {
  type: Type.String({ description: 'urn:pisync:error: and the code.' }),
  title: Type.String({ description: 'The same for all problems of this code.' }),
  status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
  code: Type.String({
    description: 'Stable name of the error; see the table of codes in the specification.',
  }),
  detail: Type.Optional(Type.String({ description: 'What was wrong this time and how to mend it.' })),
  field: Type.Optional(
    Type.String({ description: 'The member or parameter that is wrong, as the sender spelled it.' }),
  ),
  device_id: Type.Optional(
    Type.String({ maxLength: 128, description: 'The device, as far as it could be read.' }),
  ),
};

/** Every error reply, as `application/problem+json`; further members may stand in it. */
export const problem = Type.Object(problemMembers, {
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
