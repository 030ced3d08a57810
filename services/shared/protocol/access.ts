// Access on the wire: how an agent asks its relay who may enter it, and how much of an answer it takes.

/** A request header of the control link: the agent wants an `access` message. */
export const ACCESS_HEADER = 'converge-access';

/** Its one value: by the rule that let the agent in. */
export const ACCESS_FROM_POLICY = 'policy';

/** Of authorities and of people in one message, so many each. */
export const MAX_ACCESS_ENTRIES = 50;

/** Each of them has so many characters. */
export const MAX_ACCESS_TEXT_LENGTH = 1_024;
