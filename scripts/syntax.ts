import { parseSync } from '@swc/core';

/** A node of swc's syntax tree; spans count bytes from 1. */
export interface SyntaxNode {
  readonly type: string;
  readonly span?: { readonly start: number; readonly end: number };
  readonly [key: string]: unknown;
}

/**
 * Reads a source file.
 *
 * @param path - its ending decides whether it is TypeScript
 * @throws what swc throws where the text is not valid
 */
export function parseSource(path: string, source: string): SyntaxNode {
  const typescript = path.endsWith('.ts') || path.endsWith('.tsx');
  return parseSync(
    source,
    typescript
      ? { syntax: 'typescript', tsx: path.endsWith('.tsx'), target: 'es2024' }
      : { syntax: 'ecmascript', jsx: path.endsWith('.jsx'), target: 'es2024' },
  ) as unknown as SyntaxNode;
}

/** Tells nodes of the tree from its lists and wrappers. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Children of a node; wrappers without a type of their own, such as call arguments, are looked through. */
function* children(value: object): Generator<SyntaxNode> {
  for (const part of Object.values(value)) {
    if (typeof part !== 'object' || part === null) continue;
    if (isNode(part)) yield part;
    else yield* children(part);
  }
}

/** The node and everything below it, from the outside in. */
export function* walk(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const child of children(node)) yield* walk(child);
}
