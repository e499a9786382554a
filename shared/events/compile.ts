/** What generates code from schemas: a file of its own, since it is as large as all else that is used of zod. */
export { compile } from 'zod/v4/core';
