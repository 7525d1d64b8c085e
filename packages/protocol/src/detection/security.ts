/** How a Wi-Fi network may protect itself, weakest first; `eap` is told beside a WPA where each user has a key of his own. */
export const securityNames = ['open', 'wep', 'wpa', 'wpa2', 'owe', 'wpa3', 'eap'] as const;

type SecurityName = (typeof securityNames)[number];

/** Texts repeat: a town has thousands of networks and a few dozen capabilities. */
const known = new Map<string, string | null>();
const maxKnown = 2048;
/** One network has one text. */
let lastText = '';
let lastAnswer: string | null = null;

/**
 * Reads what scanners write about a network's security, such as `[WPA2-PSK-CCMP][ESS]`, `WPA+PSK`, `WEP` or `Open`.
 *
 * @returns names of {@link securityNames}, in their order, joined by commas; null where the text tells nothing
 */
export function securityOf(text: string): string | null {
  if (text !== lastText) {
    lastAnswer = look(text);
    lastText = text;
  }
  return lastAnswer;
}

function look(text: string): string | null {
  const answer = known.get(text);
  if (answer !== undefined) return answer;
  const found = read(text.toUpperCase());
  const names = securityNames.filter((name) => found.has(name)).join(',');
  const result = names === '' ? null : names;
  if (known.size >= maxKnown) known.clear();
  known.set(text, result);
  return result;
}

/** A list of nothing but {@link securityNames}, in any order and case, as it is stored; undefined where the text is something else. */
export function canonicalSecurity(text: string): string | undefined {
  const words = text.toLowerCase().split(',');
  if (!words.every((word) => securityNames.includes(word as SecurityName))) return undefined;
  return securityNames.filter((name) => words.includes(name)).join(',');
}

function read(text: string): Set<SecurityName> {
  const found = new Set<SecurityName>();
  let network = false;
  for (const group of text.split(/[[\]]/)) {
    const words = new Set(group.match(/[A-Z0-9]+/g));
    readGroup(words, found);
    network ||= ['ESS', 'IBSS', 'MESH'].some((word) => words.has(word));
  }
  // A network that names its kind and no protection has none.
  if (found.size === 0 && network) found.add('open');
  return found;
}

/** One bracket, or the whole text where there are none. */
function readGroup(words: ReadonlySet<string>, found: Set<SecurityName>): void {
  const has = (...any: string[]) => any.some((word) => words.has(word));
  const starts = (start: string) => [...words].some((word) => word.startsWith(start));
  const before = found.size;
  // `EAP_SUITE_B_192` is the 192-bit mode of WPA3.
  const suiteB = has('SUITE');
  const older = has('PSK') || (has('EAP', '1X', 'MGT') && !suiteB);
  const newer = has('SAE') || suiteB;
  // RSN is the element behind WPA2, WPA3 and OWE alike; which it is, its key management tells.
  if (has('RSN', 'WPA2') && (older || !(newer || starts('OWE')))) found.add('wpa2');
  if (has('WPA3') || newer) found.add('wpa3');
  if (has('WPA', 'WPA1')) found.add('wpa');
  if (starts('OWE')) found.add('owe');
  if (has('EAP', '1X', 'MGT', 'ENTERPRISE') || suiteB) found.add('eap');
  // Some scanners write WEP beside WPA only to say that the frames are encrypted.
  if (starts('WEP') && found.size === before) found.add('wep');
  if (has('OPEN', 'OPN', 'NONE') && found.size === before) found.add('open');
}
