/** What a terminal or an old JavaScript would not take as text, though JSON does. */
const unsafe = /[\u007f-\u009f\u2028\u2029]/g;

/** Texts that stand in JSON as they are; most do. */
const usual = /^[ !#-[\]-~]*$/;

/** A JSON string without any control character. */
export function jsonString(text: string): string {
  return usual.test(text) ? `"${text}"` : plainJson(JSON.stringify(text));
}

/** The same JSON document with control characters in no form but escaped; `json` has no white space between its tokens. */
export function plainJson(json: string): string {
  return json.replace(unsafe, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
