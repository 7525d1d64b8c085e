import fc from 'fast-check';

const from = (...values: string[]) => fc.constantFrom(...values);
const measurement = from(
  'weather',
  'weather',
  'cpu',
  'a\\ b',
  'a\\,b',
  'a\\=b',
  'müll',
  '#x',
  '"q"',
  'tab\tx',
  '',
);
const device = from(
  'host=pi-1',
  'host=pi-2',
  'host=pi-3',
  'device=pi-1',
  'device_id=p:1',
  'host=a\\ b',
  'host=é',
  'host=',
);
const tag = from(
  'site=a',
  'site=b',
  'room=x\\ y',
  'z=\\=',
  'ort=Köln',
  'site',
  'host=pi-9',
  'a=\u0001',
  'k="v"',
  'l=\\\\',
);
const fieldName = from(
  'value',
  'value',
  'temperature',
  'temperature',
  'h',
  'a\\ b',
  'ü',
  '',
  '"x"',
  'x\\=y',
  'e\\',
);
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat({ max: 6 }))
    .map(([n, d]) => (n / 10 ** d).toFixed(d)),
  fc.maxSafeInteger().map((whole) => `${whole}i`),
  from(
    '0',
    '-0',
    '-0i',
    '00012',
    '1.',
    '.5',
    '-.5',
    '.',
    '-',
    '1e5',
    '1E-7',
    '1e400',
    '0x10',
    'NaN',
    'inf',
    '+1',
    '1_0',
  ),
  from(
    '123456789012345',
    '1234567890123456',
    '0.1234567890123456789',
    '9007199254740993',
    '99999999999999999999',
  ),
  from(
    '9007199254740991i',
    '9007199254740992i',
    '-9007199254740991i',
    '7u',
    '-7u',
    '7.0i',
    '1e3i',
    'i',
    'u',
    '1ii',
    '0i',
  ),
  from('t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE', 'tRUE', 'yes', 'trueee', 'f '),
  from(
    '"text"',
    '""',
    '"a\\"b"',
    '"a\\\\"',
    '"a\nb"',
    '"a\\"\nb"',
    '"é"',
    '"a\tb"',
    '"a',
    'a"',
    '"a"b',
    '"a,b=c d"',
    '"\\n"',
    '"\r\n"',
  ),
);
const time = fc.oneof(
  fc.integer({ min: -10, max: 2_000_000 }).map(String),
  fc.integer({ min: 1_763_800_000_000_000, max: 1_763_900_000_000_000 }).map(String),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.bigInt({ min: 10n ** 14n, max: 10n ** 19n }).map(String),
  from(
    '',
    '0',
    '-1',
    '-1000',
    '-999',
    '000000000000000000000001',
    '0001763800000000001',
    '9007199254740991',
    '9007199254740992',
    '1x',
    '1 2',
    '1 ',
  ),
);
const lineText = fc
  .tuple(
    measurement,
    fc.oneof({ weight: 8, arbitrary: device }, { weight: 1, arbitrary: fc.constant('') }),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(tag, { maxLength: 2 }) },
    ),
    fc.array(fc.tuple(fieldName, value), { minLength: 1, maxLength: 3 }),
    fc.option(time),
    from(' ', ' ', ' ', ' ', '  ', '', '\t'),
    from('', '', '', '', ' ', '\r'),
  )
  .map(([name, who, tags, fields, when, gap, end]) => {
    const head = [name, ...(who === '' ? [] : [who]), ...tags].join(',');
    return `${head}${gap}${fields.map(([key, text]) => `${key}=${text}`).join(',')}${when === null ? '' : `${gap}${when}`}${end}`;
  });

/** Lines of the form that is read straight from bytes, with few series, so that they come again. */
const usualLine = fc
  .tuple(
    fc.nat({ max: 3 }),
    from('temperature', 'value', 'h'),
    fc.integer(),
    fc.nat({ max: 4 }),
    fc.nat(),
    fc.nat({ max: 9 }),
  )
  .map(([id, name, digits, places, offset, luck]) => {
    const number = (digits / 10 ** places).toFixed(places);
    const more = luck === 0 ? ',ok=true,n=5i,s="on"' : '';
    return `weather,host=pi-${id},site=a ${name}=${number}${more}${luck === 1 ? '' : ` ${1_763_800_000_000_000 + offset}`}`;
  });

/** Usual heads with unusual values and times: what the memory of series must not lead astray. */
const mixedLine = fc
  .tuple(fc.nat({ max: 3 }), from('temperature', 'value', 'h'), value, fc.option(time))
  .map(
    ([id, name, text, when]) =>
      `weather,host=pi-${id},site=a ${name}=${text}${when === null ? '' : ` ${when}`}`,
  );

const disturbance = fc.record({
  at: fc.nat({ max: 500 }),
  cut: fc.nat({ max: 2 }),
  put: from('', ' ', ',', '=', '"', '\\', '\n', '\r', '#', 'é', '1', '\0'),
});
/** A body of lines, usual and unusual, now and then disturbed. */
export const arbitraryBody: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(usualLine, usualLine, mixedLine, lineText, from('', '# note', ' # é', '#\u0001', '   ', '\r')),
      {
        maxLength: 8,
      },
    ),
    from('\n', '\n', '\r\n', '\n\n'),
    fc.boolean(),
    fc.array(disturbance, { maxLength: 2 }),
  )
  .map(([lines, feed, ended, disturbances]) => {
    let text = lines.join(feed) + (ended ? feed : '');
    for (const { at, cut, put } of disturbances) {
      const place = text.length === 0 ? 0 : at % text.length;
      text = text.slice(0, place) + put + text.slice(place + cut);
    }
    return text.toWellFormed();
  });
