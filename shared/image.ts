/** Image references, compared as a cluster shows them. */

/** Whether what a cluster shows is the image that was asked for: it may have added the digest on admission. */
export function isImage(shown: string, asked: string): boolean {
  return shown === asked || shown.startsWith(`${asked}@`);
}
