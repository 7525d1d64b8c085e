/**
 * Checks that documents are in step with the tree: links lead somewhere, npm scripts that are named exist, every MUST
 * of a spec names a test that exists, and nothing is left to be done later.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { listFiles } from './list-files.ts';
import { parseSource, type SyntaxNode, walk } from './syntax.ts';

/** Reads a file of the tree by its path relative to the root; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

const codeFence = /^(```|~~~)[^\n]*\n[\s\S]*?^\1[ \t]*$/gm;

/** The text with code replaced by blanks of the same number of lines, so that line numbers stay right. */
function withoutCode(markdown: string): string {
  const fenced = markdown.replace(codeFence, (block) => block.replace(/[^\n]/g, ' '));
  return fenced.replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Anchors of a document's headings, as GitHub makes them. */
function anchors(markdown: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const [, heading] of markdown.replace(codeFence, '').matchAll(/^#{1,6}[ \t]+(.+?)[ \t#]*$/gm)) {
    const text = (heading ?? '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    const earlier = seen.get(slug) ?? 0;
    seen.set(slug, earlier + 1);
    found.add(earlier === 0 ? slug : `${slug}-${earlier}`);
  }
  return found;
}

/** Relative links and pictures of one document that lead to no file, folder or heading. */
export function brokenLinks(path: string, markdown: string, read: ReadText): readonly string[] {
  const problems: string[] = [];
  const text = withoutCode(markdown);
  const links = [
    ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)/gm),
    ...text.matchAll(/<(?:img|a)\s[^>]*?(?:src|href)="([^"]+)"/g),
  ];
  for (const link of links) {
    const target = link[1] ?? '';
    if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    // As GitHub reads it: a leading slash is the root of the repository.
    const from = file.startsWith('/') ? '.' : dirname(path);
    const place =
      file === '' ? path : normalize(join(from, decodeURIComponent(file))).replace(/^\/|\/$/g, '');
    const content = file === '' ? markdown : read(place);
    const line = lineOf(text, link.index);
    if (content === undefined) problems.push(`${path}:${line}: the link ${target} leads nowhere`);
    else if (
      anchor !== undefined &&
      place.endsWith('.md') &&
      !anchors(content).has(decodeURIComponent(anchor))
    ) {
      problems.push(`${path}:${line}: ${place} has no heading #${anchor}`);
    }
  }
  return problems;
}

/** npm scripts that a document names and package.json does not have. */
export function unknownScripts(
  path: string,
  markdown: string,
  scripts: Readonly<Record<string, string>>,
): readonly string[] {
  return [...markdown.matchAll(/\bnpm (?:run(?:-script)? ([\w:.-]*\w)|(test|start)\b)/g)].flatMap((named) => {
    const name = named[1] ?? named[2] ?? '';
    if (Object.hasOwn(scripts, name)) return [];
    return [`${path}:${lineOf(markdown, named.index)}: package.json has no script ${name}`];
  });
}

// Put together, so that this file does not find itself.
const postponed = new RegExp(`\\b(?:${['TO', 'FIX'].join('DO|')}ME)\\b`);

/** Lines of any file that put something off. */
export function postponements(path: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      postponed.test(line) ? [`${path}:${at + 1}: puts something off: ${line.trim()}`] : [],
    );
}

/** A statement of a spec: a paragraph, a list item or a table row, on one line. */
interface Statement {
  readonly line: number;
  readonly text: string;
}

function statements(markdown: string): readonly Statement[] {
  const fenced = markdown.replace(codeFence, (block) => block.replace(/[^\n]/g, ''));
  const found: { line: number; text: string }[] = [];
  let open = false;
  for (const [at, raw] of fenced.split('\n').entries()) {
    const line = raw.trim();
    const starts = /^(?:[-*+]|\d+[.)])\s|^\||^#/.test(line);
    const last = found.at(-1);
    if (line === '') open = false;
    else if (open && !starts && last !== undefined) last.text += ` ${line}`;
    else found.push({ line: at + 1, text: line });
    open = line !== '' && !line.startsWith('#') && !line.startsWith('|');
  }
  return found;
}

const proofPlace = /\(proven by: (.+)\)[.\s|]*$/;

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The texts of a template between its `${…}`. */
function templateParts(node: SyntaxNode): readonly string[] {
  return (node['quasis'] as { readonly cooked: string }[]).map(({ cooked }) => cooked);
}

/** Whether a source holds a string equal to `title`; `${…}` in a template stands for any text. */
function holdsTitle(path: string, source: string, title: string): boolean {
  for (const node of walk(parseSource(path, source))) {
    if (node.type === 'StringLiteral' && node['value'] === title) return true;
    if (node.type !== 'TemplateLiteral') continue;
    const parts = templateParts(node);
    // A template of hardly any words would prove everything.
    if (parts.join('').trim().length < 8) continue;
    if (new RegExp(`^${parts.map(escapeRegExp).join('.+')}$`).test(title)) return true;
  }
  return false;
}

/**
 * Statements of a spec that say MUST and name no test that exists.
 *
 * A statement is proven by its end: `(proven by: packages/server/test/x.test.ts: title of the test)`. Several proofs
 * are separated by `; `. Paths are relative to the root of the repository; backticks around them are allowed.
 */
export function unprovenMusts(path: string, markdown: string, read: ReadText): readonly string[] {
  return statements(markdown).flatMap(({ line, text }) => {
    // The paragraph that explains the key words is no rule itself.
    if (!/\bMUST\b/.test(text.replace(/`[^`]*`/g, '')) || /\bRFC 2119\b|\bBCP 14\b/.test(text)) return [];
    const proof = proofPlace.exec(text)?.[1];
    if (proof === undefined)
      return [`${path}:${line}: a MUST that does not end with (proven by: <file>: <test title>)`];
    return proof.split(/;\s+(?=`?[\w./-]+\.ts`?: )/).flatMap((part) => {
      const [, file = '', title = ''] = /^`?([\w./-]+\.ts)`?: (.+)$/.exec(part.trim()) ?? [];
      const source = read(file);
      if (source === undefined) return [`${path}:${line}: the proof names no file that exists: ${part}`];
      if (holdsTitle(file, source, title)) return [];
      return [`${path}:${line}: ${file} has no test with the title: ${title}`];
    });
  });
}

const textFile = /\.(?:md|ts|tsx|js|mjs|cjs|json|yml|yaml|html|css|sh|lua)$/;

/** All problems of a tree; `paths` are relative to `root`. */
export function checkDocs(root: string, paths: readonly string[]): readonly string[] {
  const read: ReadText = (path) => {
    const place = join(root, path);
    if (!existsSync(place)) return undefined;
    return statSync(place).isDirectory() ? '' : readFileSync(place, 'utf8');
  };
  const { scripts } = JSON.parse(read('package.json') ?? '{}') as { scripts: Record<string, string> };
  return paths.flatMap((path) => {
    if (!textFile.test(path) || path === 'package-lock.json') return [];
    const text = read(path) ?? '';
    const problems = [...postponements(path, text)];
    if (path.endsWith('.md'))
      problems.push(...brokenLinks(path, text, read), ...unknownScripts(path, text, scripts));
    if (path.startsWith('docs/spec/') && path.endsWith('.md'))
      problems.push(...unprovenMusts(path, text, read));
    return problems;
  });
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const problems = checkDocs(root, listFiles(root));
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
