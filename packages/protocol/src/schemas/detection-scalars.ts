import { detectionTypes, maxNameLength } from '../detection/detection.ts';
import { securityNames } from '../detection/security.ts';
import { integer, number, object, oneOf, string } from './json-schema.ts';
import { closed, count, nextCursorSchema, nullable } from './scalars.ts';

export const typeSchema = oneOf(detectionTypes, { description: 'What kind of radio was heard.' });
export const identityText =
  'What was heard: the address of the radio as 00:1A:2B:3C:4D:5E, or the cell as MCC-MNC-AREA-CELL.';
export const identitySchema = string({ minLength: 7, description: identityText });
export const nameText = 'SSID, Bluetooth name or operator; null where it is hidden. Anyone may choose it.';
export const nameSchema = nullable(string({ minLength: 1, maxLength: maxNameLength, description: nameText }));
export const securitySchema = nullable(
  string({
    pattern: `^(${securityNames.join('|')})(,(${securityNames.join('|')}))*$`,
    description: `Names of ${securityNames.join(', ')}, in this order, separated by commas; null where it is not known.`,
  }),
);
export const signalSchema = number({ minimum: -200, maximum: 0, description: 'Received power in dBm.' });
export const channelSchema = count('Wi-Fi channel, or the ARFCN of a cell.');
export const frequencySchema = number({
  exclusiveMinimum: 0,
  maximum: 1_000_000,
  description: 'Megahertz.',
});
export const latSchema = number({ minimum: -90, maximum: 90, description: 'Degrees, north positive.' });
export const lonSchema = number({ minimum: -180, maximum: 180, description: 'Degrees, east positive.' });
export const vendorSchema = nullable(
  string({ description: 'Who registered the address; null for cells and for addresses that were made up.' }),
);

export const placeSchema = object({ lat: latSchema, lon: lonSchema }, closed);

export const listMembers = {
  next_cursor: nextCursorSchema,
  limit: integer({ minimum: 1, description: 'Items of a page.' }),
};
