/** Headers that are about one connection alone, so that a proxy must not hand them on (RFC 9110, 7.6.1). */
export const HOP_BY_HOP: readonly string[] = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
];
