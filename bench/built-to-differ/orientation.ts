/** Ways in which a TIFF block states the orientation, also odd ones. */
export interface TiffOptions {
  order?: 'II' | 'MM' | 'IM';
  /** 42 in a TIFF. */
  magic?: number;
  /** 3 is SHORT, 4 LONG. */
  type?: number;
  count?: number;
  /** The tag a second time in the directory, with this value. */
  again?: number;
  /** The tag is in the second directory, that of the thumbnail, and not in the first. */
  inThumbnail?: boolean;
  /** Appended as the thumbnail of the second directory. */
  thumbnail?: Buffer;
}

/** A TIFF block whose first directory has the tag 0x0112 (Exif 2.3, 4.6.4). */
export function tiffOrientation(orientation: number, options: TiffOptions = {}): Buffer {
  const { order = 'MM', magic = 42, type = 3, count = 1, again, inThumbnail = false, thumbnail } = options;
  const little = order === 'II';
  const short = (value: number) => integer(value, 2, little);
  const long = (value: number) => integer(value, 4, little);
  const value = (of: number) => (type === 4 ? long(of) : Buffer.concat([short(of), short(0)]));
  const tag = (of: number) => Buffer.concat([short(0x0112), short(type), long(count), value(of)]);
  const tags = [tag(orientation), ...(again === undefined ? [] : [tag(again)])];
  const first = inThumbnail ? [] : tags;
  const second: Buffer[] = inThumbnail ? tags : [];
  const firstLength = 2 + 12 * first.length + 4;
  if (thumbnail) {
    const at = 8 + firstLength + 2 + 12 * (second.length + 2) + 4;
    second.push(
      Buffer.concat([short(0x0201), short(4), long(1), long(at)]),
      Buffer.concat([short(0x0202), short(4), long(1), long(thumbnail.length)]),
    );
  }
  return Buffer.concat([
    Buffer.from(order),
    short(magic),
    long(8),
    short(first.length),
    ...first,
    long(second.length > 0 ? 8 + firstLength : 0),
    ...(second.length > 0 ? [short(second.length), ...second, long(0)] : []),
    ...(thumbnail ? [thumbnail] : []),
  ]);
}

/** An XMP packet that says the orientation. */
export const xmpOrientation = (orientation: number): string =>
  '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
  `<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="${orientation}"/>` +
  '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>';

function integer(value: number, bytes: 2 | 4, little: boolean): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (little) buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
