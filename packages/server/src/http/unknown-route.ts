import { routeTable } from './route-table.ts';

const patterns = routeTable.map((route) => ({
  method: route.method,
  segments: route.path.split('/'),
}));

/** Methods that a path takes, for the `Allow` header; none for a path that no route has. */
export function allowedMethods(url: string): readonly string[] {
  const segments = (url.split('?')[0] ?? '').split('/');
  const methods = new Set<string>();
  for (const pattern of patterns) {
    if (!matches(pattern.segments, segments)) continue;
    methods.add(pattern.method);
    if (pattern.method === 'GET') methods.add('HEAD');
  }
  return [...methods];
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, at) => (part.startsWith(':') ? segments[at] !== '' : part === segments[at]));
}
