/** Characters with a meaning, those that parsers change or that terminals obey, and those that XML 1.0 forbids. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const special = /[&<>"'\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd-\uffff]|[\ud800-\udfff]/gu;

/** Texts that stand in XML as they are; most do. */
const usual = /^[ !#-%(-;=?-~]*$/;

const names: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Any text as it may stand in an element or an attribute. What XML 1.0 forbids, even by number, becomes U+FFFD. */
export function xmlText(text: string): string {
  return usual.test(text) ? text : text.replace(special, escaped);
}

/** Any text as it may stand in an element that viewers read as HTML. */
export function htmlInXml(text: string): string {
  return xmlText(xmlText(text));
}

/** U+FFFD goes by number: as it is, parsers take it for a sign of a wrong encoding. */
function escaped(character: string): string {
  const name = names[character];
  if (name !== undefined) return name;
  const code = character.charCodeAt(0);
  const allowed = (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029;
  return `&#${allowed ? code : 0xfffd};`;
}
