/** A file that is none of the formats. */
export class UnknownFormat extends Error {
  override readonly name = 'UnknownFormat';
}
