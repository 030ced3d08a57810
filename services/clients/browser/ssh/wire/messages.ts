// Message numbers of SSH (RFC 4250 section 4.1, RFC 8308, OpenSSH PROTOCOL), those that this client sends or understands.

export const MESSAGES = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  kexEcdhInit: 30,
  kexEcdhReply: 31,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  /** PK_OK for a key, INFO_REQUEST for keyboard-interactive, PASSWD_CHANGEREQ for a password: by what was asked. */
  userauthAnswer: 60,
  userauthInfoResponse: 61,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
  /** OpenSSH PROTOCOL 1.9. */
  ping: 192,
  pong: 193,
} as const;

/** From here on messages are of authentication and of channels: none may be sent during a key exchange (RFC 4253 section 7.1). */
export const FIRST_UPPER_MESSAGE = 50;
