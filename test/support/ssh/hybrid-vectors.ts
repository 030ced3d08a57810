// Published values of the two halves of mlkem768x25519-sha256, from which that of the whole follows.
//
// ML-KEM-768: Wycheproof, mlkem_768_test.json, test 1 (from CCTV/strcmp): a ciphertext that is rejected in silence, so that a secret
// comes out all the same. X25519: RFC 7748 section 6.1.

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

export const MLKEM768_VECTOR = {
  /** d and z of FIPS 203. */
  seed: hex(
    'cbfc4405d1b2a3a386c94c25e0f2d5f5ee92cb0388ff4d6aa04223086d51c3fd' +
      '24752da14c9fc3b8ae0d9e4a8b1016b8d8fc69e229c03ea2ef08a4ae0cffc37f',
  ),
  /** Of the encapsulation key: its first and its last bytes. */
  shareBegins: hex('8b9a7354e8c1c17a9898f96caf99bba1'),
  shareEnds: hex('326a6832d3b36efc3102ef'),
  ciphertext: Buffer.from(
    [
      'AOlsROtfU4DYC0ywXWCJcaKPvoOLkStVi/lnbGxnyWku1uoGP8R7cNXWAEglwmm5y45otXKNZ/RIRNl2hqERVOPL1Kb55HUk2T2F',
      'G9zkgNd2Le0JvlPRfM4+4o3FoGkRwGK5myGDVd1YIhCMVeLGf36gt0thibM7RYnY/50Mhn0T7arxxfckZ1Mgvto+asxnPASPoEob',
      'MPiZIn1aVV4IpBKke323XrEYqIRKcbGGiAQm9rtudxhtGOdTy8zpPJ+3bHKYdbTUc+7KjauZQZafrvBN+c4xeOc0HqtBbSi7eu4S',
      'v7j0w9+BTv9FoBhzKQeaz8Qajo26ewjREfAuN6HStp5X7vgI/MauIzhVNKQgqT37apXHPi8QFhd8T+nTztdp4ncpOqzt7W0H78eJ',
      'DqqIW9HnP55dornP2g1Ey8kJBwWsLOPnvNd3W1k8cG5F3cl9OmXZt+c2c/lHPfW/7GiWcfc+f27nfHMKjr2h8LLBEqcZBNbyilHY',
      '1Hn4Mj+0heci9cTVhX6VmJqcuvJz79BPw8vemLqplp4JXoiszs+9Eu8hVUl6WxX+kacNEQa5GlaDY7/C1nNsyBOMvEHd8eVP1AUR',
      '4n2J4sJsAntjwVbiu7mY+q7T1yGG8Mxiba05p4Lc2iCH/ROpSY4QtBtoVkaiJ+oRZqVjLBlZg/SrorcYtAdAMNVxJtNMODSYkgB6',
      'y+qeOTuWfcMUaycPCAofC+6Q1loJWmNSp3GO0XF6gCWivTjGbRILr0JHZ2of4ESlfOJowHj4/0bMJv5PnHoD1kZ62suEGNJic2Yr',
      'zh97wAuQbgCI6V3A+0GeIjLoWqx3uefNVj5gTeXh0+lpPc07GYZc9CUHc2kefgr5wnVc0x9J0flnCPO6LwuYGEUlq7hp4S1c6grB',
      'dAGBqHUDUwCwWlS41C7jtK6SsG5DzYB+Kwlsl38jxh74yYnFLtg3VAdt6hMj9jklC+9hvfkDv3lhzsibppQtnQZHrJyBldk+2KvO',
      '3yV1RkQDVxmloKHIwHmJEnJqmoJY5MEK50hTIu2bozH28JDEtJKk/PU9dTzTTyjsBEP84HJPQ8iaOUIWnVCZqPdDDzhpHrzi4/5P',
      'YA2Cx8zt9gZz+OXUwan4S4tbI/XtY977anIF4KixBb3G/0Vo/HjLRFawL+239MSPb9a2khajMZghA520DhmjGgsMnUcdWnpzhl0m',
      '+L41lVJbHsSoV579B+qY4mAuK//f2P68XHtMc20ya1AwzMb6+UIKnBVqj0UWuf/2dUWd/c1O+F1629/9YPSjlijjmcx1LC6Zqy9D',
      'Hcdl58nSBr/jJkn77070ix15Nvx0dm1yQ1DuIkWo1fI/vGx+2LVxaM4ehk5J1/jEddzaFAvUJHOCWzxy64xUeAGIgTAR4ZYqUD+b',
      'UW4TIm3mN1sgRzOwGSGDyPVehw5hz4lHwxkXkLwLZXvEOuvJ2Gw=',
    ].join(''),
    'base64',
  ),
  secret: hex('76c10bb1d86d96d7eb18e298363e51f7728e113f455df7d15017940ed3541451'),
} as const;

export const X25519_VECTOR = {
  alice: hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
  aliceShare: hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
  bobShare: hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'),
  secret: hex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'),
} as const;
