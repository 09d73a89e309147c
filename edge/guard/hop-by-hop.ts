/** Headers that concern only one connection, so a proxy must not forward them (RFC 9110, 7.6.1). */
export const HOP_BY_HOP: readonly string[] = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
];
