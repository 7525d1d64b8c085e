/** The rule in words, for error messages. */
export const cellIdentityRule = 'MCC-MNC-AREA-CELL in decimal numbers such as 310-260-42081-7711';

/** Largest area code: 24 bits, the tracking area of 5G. */
const maxArea = 0xff_ff_ff;

/** Largest cell: 36 bits, the cell identity of 5G. */
const maxCell = 2 ** 36 - 1;

/** Android's value for a number that the modem did not tell. */
const androidUnknown = 2_147_483_647;

/**
 * Makes the identity of a cell: `MCC-MNC-AREA-CELL`, plain decimal numbers without leading zeros, so that sources that keep an MNC as
 * a number and those that keep it as digits agree. The area is the LAC of GSM and UMTS or the TAC of LTE and 5G. A CDMA cell has
 * MCC 0, its system id as MNC, its network id as area and its base station as cell.
 *
 * @returns undefined where a number is missing, no whole number or out of its range
 */
export function cellIdentity(mcc: number, mnc: number, area: number, cell: number): string | undefined {
  if (!isWithin(mcc, 999) || !isWithin(mnc, mcc === 0 ? 32_767 : 999)) return undefined;
  if (!isWithin(area, maxArea) || !isWithin(cell, maxCell) || cell === androidUnknown) return undefined;
  return `${mcc}-${mnc}-${area}-${cell}`;
}

/** Reads `MCC-MNC-AREA-CELL`, leading zeros taken. @returns the canonical text, undefined where the text is no such identity */
export function parseCellIdentity(text: string): string | undefined {
  const parts = /^(\d{1,3})-(\d{1,5})-(\d{1,8})-(\d{1,11})$/.exec(text);
  if (parts === null) return undefined;
  return cellIdentity(Number(parts[1]), Number(parts[2]), Number(parts[3]), Number(parts[4]));
}

function isWithin(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}
