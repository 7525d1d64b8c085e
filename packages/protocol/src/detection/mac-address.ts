const colon = 58;

const noMac = '00:00:00:00:00:00';
const broadcast = 'FF:FF:FF:FF:FF:FF';

/** The rule in words, for error messages. */
export const macAddressRule = 'the address of one radio such as 00:1A:2B:3C:4D:5E';

/**
 * Reads a MAC address: six pairs of hexadecimal digits with `:` or `-` between them, or `001a.2b3c.4d5e`, or twelve digits.
 *
 * Addresses that a device made up for itself and those of groups are fine. All zeros and all ones are none: scanners write them
 * where they know no address.
 *
 * @returns the address as `00:1A:2B:3C:4D:5E`, undefined where the text is none
 */
export function parseMacAddress(text: string): string | undefined {
  const canonical = withColons(text) ?? normalise(text);
  return canonical === noMac || canonical === broadcast ? undefined : canonical;
}

/** Reads the usual spelling, in either case, at a fraction of the cost of all; undefined where it is another. */
function withColons(text: string): string | undefined {
  if (text.length !== 17) return undefined;
  let lower = false;
  for (let at = 0; at < 17; at += 1) {
    const code = text.charCodeAt(at);
    if (at % 3 === 2) {
      if (code !== colon) return undefined;
    } else if (code >= 97 && code <= 102) {
      lower = true;
    } else if (!((code >= 48 && code <= 57) || (code >= 65 && code <= 70))) {
      return undefined;
    }
  }
  return lower ? text.toUpperCase() : text;
}

const spellings = [
  /^[0-9a-f]{2}(?<sep>[:-])(?:[0-9a-f]{2}\k<sep>){4}[0-9a-f]{2}$/i,
  /^[0-9a-f]{4}[.][0-9a-f]{4}[.][0-9a-f]{4}$/i,
  /^[0-9a-f]{12}$/i,
];

function normalise(text: string): string | undefined {
  if (text.length > 17 || !spellings.some((spelling) => spelling.test(text))) return undefined;
  const digits = text.replace(/[:.-]/g, '').toUpperCase();
  return digits.replace(/(..)(?!$)/g, '$1:');
}
