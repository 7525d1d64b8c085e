/** Checks that files, functions, ports and folders stay small; see `limits`. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { listFiles } from './list-files.ts';
import { isNode, parseSource, type SyntaxNode, walk } from './syntax.ts';

/** The most that is allowed of each. */
export const limits = {
  fileLines: 400,
  functionLines: 60,
  /** Methods of one interface under `ports/`; a property that holds a function counts as one. */
  portMethods: 12,
  folderFiles: 15,
  /** Entries of the repository's root that do not start with a dot. */
  rootEntries: 16,
} as const;

/** What may be larger, and why. Each entry must still be needed: one that is not is itself a finding. */
export const exceptions: readonly SizeException[] = [
  { path: 'package-lock.json', rule: 'fileLines', reason: 'written by npm' },
  {
    path: 'packages/server/src/adapters/vendors/vendors.bin',
    rule: 'fileLines',
    reason: 'compressed data',
  },
];

/** One thing that may be larger than its limit. */
export interface SizeException {
  /** The file or folder, as git names it. */
  readonly path: string;
  readonly rule: keyof typeof limits;
  readonly reason: string;
}

/** One thing that is too large. */
export interface SizeFinding {
  readonly path: string;
  readonly rule: keyof typeof limits;
  readonly detail: string;
}

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'MethodProperty',
  'GetterProperty',
  'SetterProperty',
  'Constructor',
]);

/** A suite's callback is a list of tests, not a function that someone has to follow. */
const suiteNames = new Set(['describe', 'suite']);

/** Name of what a call calls: `describe` for both `describe(…)` and `describe.skip(…)`. */
function calledName(call: SyntaxNode): string | undefined {
  let callee = call['callee'];
  while (isNode(callee) && callee.type === 'MemberExpression') callee = callee['object'];
  return isNode(callee) && callee.type === 'Identifier' ? String(callee['value']) : undefined;
}

function nameOf(node: SyntaxNode): string {
  const named = node['identifier'] ?? node['key'];
  return isNode(named) && 'value' in named ? String(named['value']) : 'anonymous';
}

function methodCount(declaration: SyntaxNode): number {
  const body = declaration['body'] as { readonly body: readonly SyntaxNode[] };
  return body.body.filter((member) => {
    if (member.type === 'TsMethodSignature') return true;
    const annotation = member['typeAnnotation'];
    const held = isNode(annotation) ? annotation['typeAnnotation'] : undefined;
    return member.type === 'TsPropertySignature' && isNode(held) && held.type === 'TsFunctionType';
  }).length;
}

/**
 * Findings inside one source file.
 *
 * @param path - as git names it; decides the syntax and whether its interfaces are ports
 */
export function measureSource(path: string, source: string): readonly SizeFinding[] {
  const tree = parseSource(path, source);
  // Spans count bytes from 1.
  const bytes = Buffer.from(source);
  const lineAt = (position: number): number => {
    let line = 1;
    for (let at = bytes.indexOf(10); at !== -1 && at < position - 1; at = bytes.indexOf(10, at + 1))
      line += 1;
    return line;
  };
  const nodes = [...walk(tree)];
  const suites = new Set(
    nodes
      .filter((node) => node.type === 'CallExpression' && suiteNames.has(calledName(node) ?? ''))
      .flatMap((call) => (call['arguments'] as { expression: SyntaxNode }[]).map((one) => one.expression)),
  );
  const findings: SizeFinding[] = [];
  for (const node of nodes) {
    if (functionTypes.has(node.type) && node.span !== undefined && !suites.has(node)) {
      const first = lineAt(node.span.start);
      const lines = lineAt(node.span.end - 1) - first + 1;
      if (lines > limits.functionLines) {
        const detail = `line ${first}: function ${nameOf(node)} has ${lines} lines, more than ${limits.functionLines}`;
        findings.push({ path, rule: 'functionLines', detail });
      }
    }
    if (node.type === 'TsInterfaceDeclaration' && path.includes('/ports/')) {
      const methods = methodCount(node);
      if (methods > limits.portMethods) {
        const name = String((node['id'] as SyntaxNode)['value']);
        const detail = `port ${name} has ${methods} methods, more than ${limits.portMethods}`;
        findings.push({ path, rule: 'portMethods', detail });
      }
    }
  }
  return findings;
}

/** Findings about the number of files in each folder and of entries in the root. */
export function measureFolders(paths: readonly string[]): readonly SizeFinding[] {
  const findings: SizeFinding[] = [];
  const folders = Map.groupBy(paths, (path) => dirname(path));
  for (const [folder, files] of folders) {
    if (folder !== '.' && files.length > limits.folderFiles) {
      const detail = `${files.length} files, more than ${limits.folderFiles}`;
      findings.push({ path: folder, rule: 'folderFiles', detail });
    }
  }
  const entries = new Set(
    paths.map((path) => path.split('/')[0] ?? '').filter((name) => !name.startsWith('.')),
  );
  if (entries.size > limits.rootEntries) {
    const detail = `${entries.size} visible entries in the root, more than ${limits.rootEntries}`;
    findings.push({ path: '.', rule: 'rootEntries', detail });
  }
  return findings;
}

const sourceFile = /\.(?:ts|tsx|js|jsx|mjs|cjs)$/;
/** Data is as long as it has to be; everything else is read by people. */
const dataFile = /\.(?:json|ndjson|csv|svg|png|ico|gz|zst)$/;

/**
 * Measures a whole tree.
 *
 * @param paths - relative to `root`
 * @returns what is too large and not excepted, and exceptions that nothing needs
 */
export function checkSizes(
  root: string,
  paths: readonly string[],
  excepted: readonly SizeException[] = exceptions,
): readonly SizeFinding[] {
  const findings: SizeFinding[] = [...measureFolders(paths)];
  for (const path of paths) {
    const listed = excepted.some((one) => one.path === path && one.rule === 'fileLines');
    if (dataFile.test(path) && !listed) continue;
    const source = readFileSync(join(root, path), 'utf8');
    const lines = source.split('\n').length - (source.endsWith('\n') ? 1 : 0);
    if (lines > limits.fileLines) {
      findings.push({ path, rule: 'fileLines', detail: `${lines} lines, more than ${limits.fileLines}` });
    }
    if (sourceFile.test(path)) findings.push(...measureSource(path, source));
  }
  const isFor = (finding: SizeFinding) => (one: SizeException) =>
    one.path === finding.path && one.rule === finding.rule;
  const unneeded = excepted
    .filter((one) => !findings.some((finding) => isFor(finding)(one)))
    .map((one) => ({
      path: one.path,
      rule: one.rule,
      detail: 'listed as an exception and does not need it',
    }));
  return [...findings.filter((finding) => !excepted.some(isFor(finding))), ...unneeded];
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const findings = checkSizes(root, listFiles(root));
  for (const { path, detail } of findings) process.stdout.write(`${path}: ${detail}\n`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
