/** The command and an app that answers otherwise than it should. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AppClient } from '../../../shared/cli/api.ts';
import { PermanentError } from '../../../shared/errors.ts';
import { startWebhookServer, type WebhookServer } from '../../support/webhook-server.ts';

let server: WebhookServer;
beforeEach(async () => {
  server = await startWebhookServer();
});
afterEach(() => server.close());

it('hangs up on an answer without an end', async () => {
  server.answer('/api/errors/7', { status: 200, isEndless: true });

  const error = await new AppClient(server.urlOf('/'), undefined).error('7').catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(PermanentError);
  expect(String(error)).toMatch(/is not the app: an answer of more than 33554432 bytes/);
  expect(server.bytesWritten).toBeLessThan(64 * 1024 * 1024);
});
