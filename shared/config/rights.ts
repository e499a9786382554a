/** What a caller can be given, one by one. */
export const RIGHTS = ['read', 'publish', 'override', 'unfreeze', 'pause', 'rollback', 'replay', 'discard'] as const;
