/** Longest markup or text between two tags that is kept, in UTF-16 code units; longer ones are cut. */
const maxTokenLength = 65_536;

/** Deepest nesting; what is below is passed over. */
const maxDepth = 64;

/** What a tokenizer tells while it reads; names come without their namespace prefix. */
export interface XmlHandler {
  /** @param attributes - of the tag, decoded; a null-prototype object */
  open(name: string, attributes: Readonly<Record<string, string>>, line: number): void;
  /** @param text - all text directly in the element, decoded and trimmed */
  close(name: string, text: string, line: number): void;
}

/**
 * Reads XML while it arrives, as far as logs of scanners and GPS receivers need it: elements, attributes, text, CDATA. Comments and
 * instructions are passed over, and so is a document type with all that it declares: no entity is ever expanded but the five of XML and
 * characters by number, and nothing is ever fetched. Damage costs what it damages: text that is no markup stays text, an element that
 * is never closed is closed with the one around it.
 */
export class XmlTokens {
  readonly #handler: XmlHandler;
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #rest = '';
  #line = 1;
  /** Open elements, outermost first, with their own text. */
  readonly #open: { name: string; text: string }[] = [];
  /** Open elements that are deeper than is looked at. */
  #below = 0;

  constructor(handler: XmlHandler) {
    this.#handler = handler;
  }

  /** True where elements are open: a document that ends so was cut off. */
  get unfinished(): boolean {
    return this.#open.length > 0;
  }

  push(chunk: Uint8Array): void {
    this.#decoder ??= new TextDecoder(encodingOf(chunk));
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    this.#read(false);
  }

  /** Call once, after the last push. */
  end(): void {
    this.#read(true);
  }

  #read(last: boolean): void {
    let at = 0;
    const all = this.#rest;
    while (at < all.length) {
      const end = all.charCodeAt(at) === 60 ? markupEnd(all, at) : textEnd(all, at);
      // What has no end yet waits for it, unless it is too long to be anything.
      if (end === -1 && !last && all.length - at < maxTokenLength) break;
      const to = end === -1 ? Math.min(all.length, at + maxTokenLength) : end;
      this.#token(all.slice(at, to), end !== -1);
      at = to;
    }
    this.#rest = all.slice(at);
  }

  #token(token: string, whole: boolean): void {
    if (!whole || !beginsMarkup(token, 0)) {
      this.#text(decodeReferences(token));
    } else if (token.startsWith('<![CDATA[')) {
      this.#text(token.slice(9, -3));
    } else if (token.startsWith('</')) {
      this.#close(localName(token.slice(2, -1).trim()));
    } else if (!token.startsWith('<!') && !token.startsWith('<?')) {
      this.#tag(token);
    }
    for (let at = token.indexOf('\n'); at !== -1; at = token.indexOf('\n', at + 1)) this.#line += 1;
  }

  #text(text: string): void {
    const inner = this.#open.at(-1);
    if (inner !== undefined && this.#below === 0 && inner.text.length < maxTokenLength) inner.text += text;
  }

  #tag(token: string): void {
    const empty = token.endsWith('/>');
    const body = token.slice(1, empty ? -2 : -1);
    const name = /^[^\s/>]+/.exec(body)?.[0] ?? '';
    if (this.#open.length >= maxDepth) {
      if (!empty) this.#below += 1;
      return;
    }
    const local = localName(name);
    this.#handler.open(local, attributesOf(body.slice(name.length)), this.#line);
    if (empty) this.#handler.close(local, '', this.#line);
    else this.#open.push({ name: local, text: '' });
  }

  #close(name: string): void {
    if (this.#below > 0) {
      this.#below -= 1;
      return;
    }
    if (!this.#open.some((element) => element.name === name)) return;
    for (let closed = this.#open.pop(); closed !== undefined; closed = this.#open.pop()) {
      this.#handler.close(closed.name, closed.text.trim(), this.#line);
      if (closed.name === name) return;
    }
  }
}

/** Behind the text that begins at `from`, -1 where its end did not come. */
function textEnd(all: string, from: number): number {
  return all.indexOf('<', from);
}

/** Behind the markup that begins at `from`, -1 where its end did not come; a `<` that begins none counts as text. */
function markupEnd(all: string, from: number): number {
  const after = all.charCodeAt(from + 1);
  if (Number.isNaN(after)) return -1;
  if (after === 47 && all.length === from + 2) return -1;
  if (!beginsMarkup(all, from)) return textEnd(all, from + 1);
  if (after === 33) return declarationEnd(all, from);
  if (after === 63) return behind(all, '?>', from);
  let quote = 0;
  for (let at = from + 1; at < all.length; at += 1) {
    const code = all.charCodeAt(at);
    if (quote !== 0) {
      if (code === quote) quote = 0;
    } else if (code === 34 || code === 39) {
      quote = code;
    } else if (code === 62) {
      return at + 1;
    }
  }
  return -1;
}

function beginsMarkup(all: string, at: number): boolean {
  if (all.charCodeAt(at) !== 60) return false;
  const after = all.charCodeAt(at + 1);
  return after === 33 || after === 63 || isNameStart(after === 47 ? all.charCodeAt(at + 2) : after);
}

function declarationEnd(all: string, from: number): number {
  if (all.length - from < 9) return -1;
  if (all.startsWith('<!--', from)) return behind(all, '-->', from + 4);
  if (all.startsWith('<![CDATA[', from)) return behind(all, ']]>', from);
  // A document type may hold declarations of its own in brackets.
  const end = all.indexOf('>', from);
  const bracket = all.indexOf('[', from);
  if (end === -1 || bracket === -1 || bracket > end) return end === -1 ? -1 : end + 1;
  const closing = /\]\s*>/g;
  closing.lastIndex = bracket;
  return closing.exec(all) === null ? -1 : closing.lastIndex;
}

function behind(all: string, what: string, from: number): number {
  const at = all.indexOf(what, from);
  return at === -1 ? -1 : at + what.length;
}

function isNameStart(code: number): boolean {
  return (
    (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95 || code === 58 || code >= 128
  );
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function attributesOf(text: string): Record<string, string> {
  const attributes = Object.create(null) as Record<string, string>;
  for (const match of text.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    attributes[localName(match[1] as string)] = decodeReferences(match[2] ?? match[3] ?? '');
  }
  return attributes;
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Replaces the five entities of XML and characters by number; whatever else begins with `&` stands for itself. */
function decodeReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));/gi,
    (all, hex, decimal, name) => {
      if (name !== undefined) return named[String(name).toLowerCase()] as string;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      const character = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      return character ? String.fromCodePoint(code) : all;
    },
  );
}

/** Kismet declares ISO-8859-1; every other encoding is read as UTF-8. */
function encodingOf(start: Uint8Array): string {
  const head = Buffer.from(start.subarray(0, 200)).toString('latin1');
  return /encoding\s*=\s*["'](?:iso-8859-1|latin-?1|windows-1252)["']/i.test(head) ? 'windows-1252' : 'utf-8';
}
