// Packed by `npm run actions` from shared/cli/pipeline/publish.ts; changes belong there.

// shared/cli/pipeline/publish.ts
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause2 } from "node:timers/promises";

// shared/client/follow.ts
import { isDeepStrictEqual } from "node:util";

// shared/errors.ts
var PlatformError = class extends Error {
  get name() {
    return this.constructor.name;
  }
};
var TransientError = class extends PlatformError {
  isTransient = true;
  reason = "Transient";
  /** What the service asked for (Retry-After), in milliseconds. */
  retryAfterMs;
  constructor(message, options = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
};
var PermanentError = class extends PlatformError {
  isTransient = false;
  reason = "Permanent";
};
var NotFoundError = class extends PermanentError {
  reason = "NotFound";
};
function formatIssue({ path, value, expected, isSecret = false }) {
  const shown = isSecret ? `${kindOf(value)} (not shown: it may hold a secret)` : escaped(show(value));
  return `${path === "" ? "" : `${escaped(path)}: `}expected ${expected}, got ${shown.length > 120 ? `${shown.slice(0, 117)}...` : shown}`;
}
function escaped(text) {
  return text.replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}
function kindOf(value) {
  if (value === void 0) return "nothing";
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "an object";
}
function show(value) {
  if (value === void 0) return "nothing";
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that JSON cannot hold";
  }
}
var ConfigError = class extends PermanentError {
  reason = "InvalidConfiguration";
};

// shared/events/identity.ts
function eventReference({ source, id }) {
  return `${source} ${id}`;
}
var CHILD_IDS = Buffer.from("5d0f6c396f835a539b3e0a5c1a1f6d0e", "hex");

// shared/client/follow.ts
var ENDINGS = {
  completed: "completed",
  "rolled-back": "failed, and rolled back",
  failed: "failed",
  "dead-lettered": "an event could not be handled and is in the errors queue",
  timeout: "not ended in time; the chain goes on"
};
var POLL_MS = 200;
var COUNT = 100;
var MAX_COUNT = 3200;
async function follow(options) {
  const { app, event, correlationId, timeoutMs, onEntry, now, pause: pause3 } = options;
  const deadline = now() + timeoutMs;
  const found = /* @__PURE__ */ new Map();
  const seen = /* @__PURE__ */ new Map();
  let failure;
  let hasAnswered = false;
  let count = COUNT;
  while (now() < deadline) {
    try {
      const entries = await app.history({ correlationId, limit: count });
      failure = void 0;
      hasAnswered = true;
      for (const entry of entries.toReversed()) found.set(keyOf(entry), entry);
      const listed = new Set(entries.map(keyOf));
      const run = entriesOfEvent(event, [...found.values()]);
      for (const entry of run) {
        const key = keyOf(entry);
        if (isDeepStrictEqual(seen.get(key), entry)) continue;
        seen.set(key, entry);
        onEntry(entry);
      }
      const ending = endingOf(run, [...found.values()]);
      if (ending) return { ending, ...whyOf(run, ending) };
      const isListed = run.length > 0 && run.every((entry) => listed.has(keyOf(entry)));
      if (!isListed && entries.length >= count) count = Math.min(2 * count, MAX_COUNT);
    } catch (error) {
      if (error instanceof PermanentError && !hasAnswered) throw error;
      failure = error;
    }
    await pause3(POLL_MS * count / COUNT);
  }
  if (failure !== void 0) throw failure;
  return { ending: "timeout" };
}
function keyOf(entry) {
  return `${entry.handler} ${eventReference(entry)}`;
}
function entriesOfEvent(event, chain) {
  const start = eventReference(event);
  const first = chain.find((entry) => eventReference(entry) === start);
  if (!first) return [];
  const ours = /* @__PURE__ */ new Set([start]);
  const known = new Set(chain.map(eventReference));
  const isOurs = (entry) => {
    const { type, subject, causationId, startedAt } = entry;
    if (causationId === void 0) return false;
    const isOfAnother = isOfSuperseded(entry, chain);
    if (ours.has(causationId)) return !isOfAnother || causationId !== start;
    const isFromOutside = type === "DeploymentFailed" && (isOfAnother || !known.has(causationId));
    return isFromOutside && subject === first.subject && startedAt >= first.startedAt;
  };
  for (let size = 0; size !== ours.size; ) {
    size = ours.size;
    for (const entry of chain) if (isOurs(entry)) ours.add(eventReference(entry));
  }
  return chain.filter((entry) => ours.has(eventReference(entry)));
}
function isOfSuperseded({ type, causationId }, chain) {
  const isStart = (one) => one.type === "DeploymentStarted" && one.causationId === causationId;
  return type === "DeploymentFailed" && chain.some(isStart);
}
function endingOf(entries, chain) {
  const has = (type) => entries.some((entry) => entry.type === type);
  if (entries.length === 0 || !entries.every(isSettled)) return void 0;
  if (entries.some(({ status }) => status === "dead-lettered")) return "dead-lettered";
  if (!entries.every((entry) => hasAllItCaused(entry, chain))) return void 0;
  if (has("DeploymentRolledBack")) return "rolled-back";
  if (has("DeploymentFailed")) return "failed";
  const isRelease = has("DeploymentRequested") || has("DeploymentStarted");
  return has("DeploymentCompleted") || !isRelease ? "completed" : void 0;
}
function hasAllItCaused(entry, chain) {
  const cause = eventReference(entry);
  const effects = chain.filter(({ causationId }) => causationId === cause);
  return new Set(effects.map(eventReference)).size >= entry.caused;
}
function whyOf(entries, ending) {
  if (ending === "dead-lettered") {
    const deadLetter = entries.find(({ status }) => status === "dead-lettered");
    return deadLetter?.reason === void 0 ? {} : { why: `${deadLetter.type}: ${deadLetter.reason}: ${deadLetter.error ?? ""}` };
  }
  if (ending !== "failed" && ending !== "rolled-back") return {};
  const why = entries.find(({ type }) => type === "DeploymentFailed")?.summary;
  return why === void 0 ? {} : { why };
}
function isSettled({ status, reason }) {
  return status === "completed" || status === "dead-lettered" || status === "waiting" && reason === "NotificationFailed";
}

// shared/client/retried.ts
import { setTimeout as pause } from "node:timers/promises";
async function retried(request, wait = (ms) => pause(ms)) {
  for (const waitMs of [500, 2e3]) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await wait(waitMs);
    }
  }
  return request();
}

// shared/shown-text.ts
function oneLine(text) {
  return text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}\p{Noncharacter_Code_Point}]+/gu, " ").trim();
}

// shared/describe-error.ts
var DEEPEST = 5;
function describeError(error, depth = 0) {
  if (!(error instanceof Error)) return String(error) || "unknown error";
  const { message, cause } = error;
  const isEmpty = message === "" || message === "fetch failed";
  if (isEmpty && depth < DEEPEST) {
    const inner = error instanceof AggregateError ? error.errors : cause === void 0 ? [] : [cause];
    if (inner.length > 0) return [...new Set(inner.map((one) => describeError(one, depth + 1)))].join("; ");
  }
  const { code } = error;
  return message || typeof code === "string" && code || error.name;
}
function faultOf(error) {
  if (error instanceof PlatformError) return error.message;
  const chain = chainOf(error);
  if (chain.some(({ name }) => name === "TimeoutError" || name === "AbortError")) return "no answer in time";
  const marks = chain.flatMap((one) => [statusOf(one), codeOf(one), ...one.message.match(CODE_IN_TEXT) ?? []]);
  const known = [...new Set(marks.filter((mark) => mark !== void 0))];
  if (known.length > 0) return known.join(" ");
  return chain.map(({ name }) => name).find((name) => WORD.test(name) && !/^(Aggregate)?Error$/.test(name)) ?? "unknown error";
}
function jsonFaultOf(error) {
  return error instanceof SyntaxError ? error.message : faultOf(error);
}
var WORD = /^[A-Z][A-Za-z]{1,60}$/;
var CODE = /^([A-Z][A-Z0-9_]{1,40}|[A-Z][A-Za-z]{1,60}|(amqp|com\.microsoft):[a-z-]{1,40})$/;
var CODE_IN_TEXT = /\b(AADSTS[0-9]{1,10}|ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|E(HOST|NET)UNREACH|ENOTFOUND)\b/g;
var MAX_CAUSE = 5;
function chainOf(error, depth = 0) {
  if (!(error instanceof Error) || depth > MAX_CAUSE) return [];
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return [error, ...inner.flatMap((one) => chainOf(one, depth + 1))];
}
function statusOf(error) {
  const status = "statusCode" in error ? error.statusCode : void 0;
  return typeof status === "number" ? String(status) : void 0;
}
function codeOf(error) {
  const code = "code" in error ? error.code : void 0;
  return typeof code === "string" && CODE.test(code) ? code : void 0;
}

// shared/duration.ts
var SECOND_MS = 1e3;
var MINUTE_MS = 60 * SECOND_MS;
var HOUR_MS = 60 * MINUTE_MS;
var DAY_MS = 24 * HOUR_MS;
var UNITS = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
var DURATION_FORM = "a duration such as 90s, 15m, 2h or 30d";
function parseDuration(text) {
  const match = /^([0-9]+)(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new ConfigError(`expected ${DURATION_FORM}, got ${JSON.stringify(text)}`);
  return Number(match[1]) * UNITS[match[2]];
}

// shared/json.ts
var DEEPEST2 = 64;
var BLANK = /[ \t\r\n]*/y;
var BLANK_OR_COMMENT = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
var SCALAR = /"(?:[^"\\\n]|\\[^\n])*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;
function parseJson(text) {
  const json = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(json);
  } catch {
    new Reader(json, { isStrict: true }).whole();
    throw new SyntaxError("expected JSON");
  }
}
var Reader = class {
  #text;
  #isStrict;
  #at = 0;
  constructor(text, { isStrict }) {
    this.#text = text;
    this.#isStrict = isStrict;
    this.#blank();
  }
  whole() {
    const value = this.value(0);
    this.end();
    return value;
  }
  value(depth) {
    if (depth > DEEPEST2) throw this.#expected(`at most ${DEEPEST2} levels`);
    if (this.#take("{")) return this.#object(depth);
    if (this.#take("[")) return this.#array(depth);
    const scalar = this.#scalar();
    if (scalar === void 0) throw this.#expected("a value");
    return scalar;
  }
  end() {
    if (this.#at < this.#text.length) throw this.#expected("the end");
  }
  #object(depth) {
    const entries = [];
    while (!this.#take("}")) {
      if (this.#text[this.#at] !== '"') throw this.#expected("a name in double quotes or '}'");
      const name = String(this.#scalar());
      if (!this.#take(":")) throw this.#expected("':'");
      entries.push([name, this.value(depth + 1)]);
      this.#separator("}");
    }
    return Object.fromEntries(entries);
  }
  #array(depth) {
    const values = [];
    while (!this.#take("]")) {
      values.push(this.value(depth + 1));
      this.#separator("]");
    }
    return values;
  }
  /** Between two elements; the closing mark may follow, after a comma only where that is allowed. */
  #separator(end) {
    const isComma = this.#take(",");
    if (isComma ? this.#isStrict && this.#text[this.#at] === end : this.#text[this.#at] !== end) {
      throw this.#expected(isComma ? "another element after the comma" : `',' or '${end}'`);
    }
  }
  #scalar() {
    const start = this.#at;
    const found = this.#skip(SCALAR);
    if (found === "") return void 0;
    try {
      const value = JSON.parse(found);
      this.#blank();
      return value;
    } catch {
      this.#at = start;
      throw this.#expected("a valid text or number");
    }
  }
  #take(mark) {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#blank();
    return true;
  }
  #blank() {
    this.#skip(this.#isStrict ? BLANK : BLANK_OR_COMMENT);
  }
  #skip(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
  #expected(what) {
    const before = this.#text.slice(0, this.#at).split("\n");
    return new SyntaxError(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: expected ${what}`);
  }
};

// shared/cli/pipeline/workflow.ts
import { appendFileSync } from "node:fs";

// shared/adapters/answer-text.ts
async function wholeOf({ body }, maxBytes) {
  const { bytes, isWhole } = await read(body, maxBytes);
  if (!isWhole) throw new RangeError(`an answer of more than ${maxBytes} bytes`);
  return bytes.toString();
}
async function read(body, maxBytes) {
  const chunks = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) return { bytes: Buffer.concat(chunks), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}

// shared/client/app-request.ts
var MAX_ANSWER_BYTES = 32 * 1024 * 1024;
var TIMEOUT_MS = 3e4;
var AppConnection = class {
  #url;
  #credentials;
  #hints;
  /** @param url the app's address, with or without `/api` */
  constructor(url, credentials, hints) {
    this.#url = `${url.replace(/\/+$/, "").replace(/\/api$/, "")}/api`;
    this.#credentials = credentials;
    this.#hints = hints;
  }
  /** @throws PermanentError with the app's reasons @throws TransientError when the app cannot be reached or is busy */
  async request(path, { method = "GET", contentType = "application/json", body = void 0 } = {}) {
    const { key, token: given } = this.#credentials;
    const token = typeof given === "function" ? await given() : given;
    const headers = {
      // The app requires it for every change, since a browser does not send it for a foreign page.
      ...method !== "GET" && { "content-type": contentType },
      ...key !== void 0 && { "x-functions-key": key },
      ...token !== void 0 && { authorization: `Bearer ${token}` }
    };
    let response;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(`${this.#url}/${path}`, {
        ...{ method, headers, signal, redirect: "manual" },
        ...body !== void 0 && { body }
      });
    } catch (error) {
      throw new TransientError(`cannot reach the app at ${this.#url}: ${faultOf(error)}; ${this.#hints.unreachable}`);
    }
    const { status } = response;
    if (status >= 300 && status < 400) throw this.#redirected(status, response.headers.get("location"));
    const text = await readText(response, this.#url);
    const contentTypeOfAnswer = response.headers.get("content-type") ?? "";
    const answer = { status, text, json: parsed(text), contentType: contentTypeOfAnswer };
    if (response.ok) return answer;
    const known = reasonOf(answer, [key, token]);
    const reason = `${status} ${known ?? `(${kindOf2(answer)}, not an answer of the app)`}`;
    if (status === 401) throw new PermanentError(`the app refuses: ${reason}; ${this.#hints.unauthenticated}`);
    if (status >= 500 || status === 429) throw new TransientError(`the app answers ${reason}`);
    if (status === 404 && known !== void 0) throw new NotFoundError(known);
    throw new PermanentError(`the app refuses: ${reason}`);
  }
  /** The list of this name in an answer. */
  listIn(answer, name) {
    const list = fieldOf(answer, name);
    if (Array.isArray(list)) return list;
    throw this.notTheApp(answer, `JSON with a list of ${name}`);
  }
  #redirected(status, location) {
    return new PermanentError(
      `${this.#url} redirects (${status}) to ${originOf(location, this.#url)}, which is not followed: it would get the key or token; ${this.#hints.address}`
    );
  }
  /** The error for a success that is not an answer of the app. */
  notTheApp(answer, expected) {
    return new PermanentError(
      `${this.#url} does not answer as the app: expected ${expected}, got ${answer.status} ${kindOf2(answer)}; is a proxy or a sign-in page in between?`
    );
  }
};
function reasonOf({ contentType, json }, secrets) {
  if (!/^application\/problem\+json\b/.test(contentType)) return void 0;
  const reason = reasonIn(json);
  return secrets.some((secret) => secret !== void 0 && reason?.includes(secret)) ? void 0 : reason;
}
function fieldOf({ json }, name) {
  const value = Reflect.get(Object(json), name);
  return value;
}
var MAX_TEXT = 200;
function kindOf2({ contentType }) {
  return oneLine(contentType.split(";", 1)[0] ?? "").slice(0, MAX_TEXT) || "without a content type";
}
function originOf(location, base) {
  if (location === null || !URL.canParse(location, base)) return "nowhere";
  const { origin, protocol, host } = new URL(location, base);
  return oneLine(origin === "null" ? `${protocol}//${host}` : origin).slice(0, MAX_TEXT);
}
async function readText(response, url) {
  try {
    return await wholeOf(response, MAX_ANSWER_BYTES);
  } catch (cause) {
    if (cause instanceof RangeError) throw new PermanentError(`${url} does not answer as the app: ${cause.message}`);
    throw new TransientError(`the app at ${url} did not complete its answer: ${faultOf(cause)}`);
  }
}
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return void 0;
  }
}
function reasonIn(answer) {
  if (typeof answer !== "object" || answer === null || !("title" in answer)) return void 0;
  const { title, issues } = answer;
  const lines = Array.isArray(issues) ? issues.map((issue) => formatIssue({ path: "", expected: "", ...issue })) : [];
  return [oneLine(String(title)), ...lines.map((line) => `  ${oneLine(line)}`)].join("\n");
}

// shared/client/app-client.ts
var HINTS = {
  unreachable: "is it running (npm start), or elsewhere (--url)?",
  unauthenticated: "set PLATFORM_EVENTS_KEY to a function key, or PLATFORM_EVENTS_TOKEN to a token (HttpAuth=tokens)",
  address: "give the app's own address with --url or PLATFORM_EVENTS_URL"
};
var AppClient = class {
  #app;
  /** @param url the app's address, with or without `/api` */
  constructor(url, credentials = {}, hints = HINTS) {
    this.#app = new AppConnection(url, credentials, hints);
  }
  /**
   * Publishes an event, or several. Resolves when the app has accepted all of them; they are handled later.
   *
   * @returns the correlation ids of their chains, in their order
   */
  async publish(events) {
    const answer = await this.#app.request("events", {
      method: "POST",
      contentType: `application/cloudevents${Array.isArray(events) ? "-batch" : ""}+json`,
      body: JSON.stringify(events)
    });
    const [ids, chains] = [fieldOf(answer, "ids"), fieldOf(answer, "correlationIds")];
    const isThere = ({ id }) => Array.isArray(ids) && ids.includes(id);
    if (answer.status === 202 && [events].flat().every(isThere) && Array.isArray(chains)) return chains.map(String);
    throw this.#app.notTheApp(answer, "202 with the id of the event");
  }
  /** The history, newest first; as much as is asked for, from as many pages as that takes. */
  async history({ limit, ...filter }) {
    const found = [];
    let cursor;
    do {
      const left = limit === void 0 ? void 0 : limit - found.length;
      const answer = await this.#app.request(`events?${queryOf({ ...filter, limit: left, cursor })}`);
      found.push(...this.#app.listIn(answer, "events"));
      cursor = nextIn(answer);
    } while (cursor !== void 0 && found.length < (limit ?? 0));
    return found;
  }
  /** All deployments that match, in the order of their targets, from all pages. */
  deployments(filter) {
    return this.#pages("deployments", "deployments", filter);
  }
  /** The services in the order of their names. @param service only this one */
  async services(service) {
    const answer = await this.#app.request(`services?${queryOf({ service })}`);
    return this.#app.listIn(answer, "services");
  }
  /** All entries that match, oldest first, from all pages. */
  errors(filter) {
    return this.#pages("errors", "errors", filter);
  }
  /** The audit log, newest first, from all pages. */
  audit(filter) {
    return this.#pages("audit", "acts", filter);
  }
  async *#pages(path, list, filter) {
    let cursor;
    do {
      const answer = await this.#app.request(`${path}?${queryOf({ ...filter, limit: 250, cursor })}`);
      yield* this.#app.listIn(answer, list);
      cursor = nextIn(answer);
    } while (cursor !== void 0);
  }
  /** One entry with its body. @throws NotFoundError */
  async error(sequenceNumber) {
    const answer = await this.#app.request(`errors/${sequenceNumber}`);
    if (fieldOf(answer, "sequenceNumber") === void 0) throw this.#app.notTheApp(answer, "the entry");
    return answer.json;
  }
  /** @throws NotFoundError @throws PermanentError that says why the entry cannot be replayed */
  async replay(sequenceNumber) {
    const answer = await this.#app.request(`errors/${sequenceNumber}/replay`, { method: "POST", body: "{}" });
    if (answer.status !== 202) throw this.#app.notTheApp(answer, "202");
  }
  /** @throws NotFoundError */
  async discard(sequenceNumber) {
    const answer = await this.#app.request(`errors/${sequenceNumber}`, { method: "DELETE" });
    if (answer.status !== 204) throw this.#app.notTheApp(answer, "204");
  }
  /** A release and why it came to what it came to. @throws NotFoundError @throws PermanentError naming the requests of that id */
  async explain(of) {
    const answer = await this.#app.request(`explain?${queryOf(of)}`);
    if (typeof fieldOf(answer, "target") !== "string") throw this.#app.notTheApp(answer, "an explanation");
    return answer.json;
  }
  async automation() {
    return this.#automationIn(await this.#app.request("automation"));
  }
  /** @returns the state as it is now */
  async switchAutomation(change) {
    const body = JSON.stringify(change);
    return this.#automationIn(await this.#app.request("automation", { method: "POST", body }));
  }
  #automationIn(answer) {
    const state = fieldOf(answer, "state");
    if (state !== "active" && state !== "paused") throw this.#app.notTheApp(answer, "the state of automation");
    return answer.json;
  }
  /** Ends a service's freeze. @throws NotFoundError when it is not frozen */
  async unfreeze(service, reason) {
    const path = `services/${encodeURIComponent(service)}/unfreeze`;
    const answer = await this.#app.request(path, { method: "POST", body: JSON.stringify({ reason }) });
    if (answer.status !== 204) throw this.#app.notTheApp(answer, "204");
  }
  /** Grants an override. @returns how long it holds @throws NotFoundError when there is no such service */
  async override(service, override) {
    const path = `services/${encodeURIComponent(service)}/override`;
    const answer = await this.#app.request(path, { method: "POST", body: JSON.stringify(override) });
    const [until, isForOne] = [fieldOf(answer, "until"), fieldOf(answer, "isForOne")];
    if (typeof until !== "string" || typeof isForOne !== "boolean") throw this.#app.notTheApp(answer, "the override");
    return { until, isForOne };
  }
  /** Rolls a deployment (`cluster/namespace/deployment`) back. @throws NotFoundError when nothing was released there */
  async rollback(target, reason) {
    const body = JSON.stringify({ reason });
    const answer = await this.#app.request(`deployments/${target}/rollback`, { method: "POST", body });
    const [eventId, failed, restored] = ["eventId", "failed", "restored"].map((name) => fieldOf(answer, name));
    if (typeof eventId !== "string" || typeof failed !== "string" || typeof restored !== "string") {
      throw this.#app.notTheApp(answer, "what is rolled back");
    }
    return { eventId, failed, restored };
  }
};
function nextIn(answer) {
  const next = fieldOf(answer, "next");
  return typeof next === "string" ? next : void 0;
}
function queryOf(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== void 0) query.set(name, String(value));
  return query;
}

// shared/cli/pipeline/workflow.ts
function input(name) {
  return process.env[`INPUT_${name.toUpperCase()}`]?.trim() || void 0;
}
function neededInput(name) {
  const value = input(name);
  if (value === void 0) throw new PermanentError(`${name}: expected a value under 'with', got nothing`);
  return value;
}
function say(line) {
  process.stdout.write(`${line}
`);
}
function setOutput(name, value) {
  addTo("GITHUB_OUTPUT", `${name}=${oneLine(value)}
`);
}
function summarise(markdown) {
  addTo("GITHUB_STEP_SUMMARY", `${markdown}
`);
}
function addTo(variable, text) {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}
function cell(text) {
  return oneLine(text).replace(/[\\`*_[\]<>|&#!~]/g, (char) => `&#${char.charCodeAt(0)};`);
}
function appOfWorkflow() {
  const url = neededInput("url");
  if (!/^https?:\/\/[^/?#@]+/.test(url)) {
    throw new PermanentError("url: expected the app's address, such as https://shop.azurewebsites.net");
  }
  const key = input("key");
  const audience = input("audience") ?? "platform-events";
  return new AppClient(url, key === void 0 ? { token: workflowToken(audience) } : { key }, {
    unreachable: "is the input url right, and may this runner reach it?",
    address: "give the app's own address in the input url",
    unauthenticated: key === void 0 ? `is there an issuer for these tokens with the audience ${audience} in access.issuers, and has the app HttpAuth=tokens?` : "is the input key a function key of this app, and has the app HttpAuth=keys?"
  });
}
var TOKEN_MS = 12e4;
function workflowToken(audience) {
  let [token, askedAt] = ["", Number.NEGATIVE_INFINITY];
  return async () => {
    if (performance.now() - askedAt < TOKEN_MS) return token;
    const url = process.env["ACTIONS_ID_TOKEN_REQUEST_URL"];
    const bearer = process.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
    if (!url || !bearer) {
      throw new PermanentError("this job gets no token: give it 'permissions: id-token: write', or the input key");
    }
    askedAt = performance.now();
    token = await fetchToken(`${url}${url.includes("?") ? "&" : "?"}audience=${encodeURIComponent(audience)}`, bearer);
    say(`::add-mask::${token}`);
    return token;
  };
}
async function fetchToken(url, bearer) {
  let why;
  try {
    const signal = AbortSignal.timeout(3e4);
    const response = await fetch(url, { headers: { authorization: `bearer ${bearer}` }, signal });
    const value = Reflect.get(Object(await response.json()), "value");
    if (response.ok && typeof value === "string") return value;
    why = String(response.status);
  } catch (error) {
    why = faultOf(error);
  }
  throw new PermanentError(`GitHub gives this job no token: ${why}`);
}
async function runStep(title, work) {
  try {
    await work();
  } catch (error) {
    fail(title, error instanceof PlatformError ? error.message : describeError(error));
  }
}
function fail(title, why) {
  const text = why.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
  say(`::error title=${title}::${text}`);
  summarise(`**${cell(title)} failed:** ${cell(why)}
`);
  process.exitCode = 1;
}

// shared/cli/pipeline/publish.ts
var TITLE = "platform-events publish";
await runStep(TITLE, async () => {
  const app = appOfWorkflow();
  const event = eventOfInputs();
  const timeoutMs = parseDuration(input("timeout") ?? "10m");
  const [correlationId = ""] = await retried(() => app.publish(event));
  setOutput("id", event.id);
  setOutput("correlation-id", correlationId);
  say(`published ${event.type} ${event.id}, chain ${correlationId}`);
  if (input("wait") === "false") return summarise(`Published \`${cell(event.type)}\`: ${linkTo(correlationId)}
`);
  await waitFor(app, event, correlationId, timeoutMs);
});
function eventOfInputs() {
  const repository = `${process.env["GITHUB_SERVER_URL"] ?? ""}/${process.env["GITHUB_REPOSITORY"] ?? "workflow"}`;
  const [subject, correlationid] = [input("subject"), input("correlation-id")];
  return {
    ...{ specversion: "1.0", id: randomUUID(), source: input("source") ?? repository },
    ...{ type: input("type") ?? "DeploymentRequested", data: dataOfInputs() },
    ...subject !== void 0 && { subject },
    ...correlationid !== void 0 && { correlationid }
  };
}
function dataOfInputs() {
  const text = neededInput("data");
  try {
    return parseJson(text.startsWith("@") ? readFileSync(text.slice(1), "utf8") : text);
  } catch (error) {
    const why = error instanceof SyntaxError ? jsonFaultOf(error) : faultOf(error);
    throw new PermanentError(`data: expected JSON, or @ and the path of a file with it: ${why}`);
  }
}
async function waitFor(app, event, correlationId, timeoutMs) {
  const steps = /* @__PURE__ */ new Map();
  const { ending, why } = await follow({
    ...{ app, event, correlationId, timeoutMs },
    onEntry: (entry) => {
      const { type, subject, status, summary, reason, id, handler } = entry;
      steps.set(`${handler} ${id}`, entry);
      say(`- ${[type, subject, status, reason ?? summary ?? ""].map(oneLine).join("  ").trimEnd()}`);
    },
    now: () => performance.now(),
    pause: (ms) => pause2(ms)
  });
  setOutput("ending", ending);
  setOutput("reason", why ?? "");
  const said = why === void 0 ? ENDINGS[ending] : `${ENDINGS[ending]}: ${why}`;
  summarise(chainText(event.type, [...steps.values()], correlationId));
  if (ending === "completed") say(said);
  else fail(TITLE, said);
}
function chainText(type, entries, correlationId) {
  const rows = entries.toSorted((a, b) => a.startedAt < b.startedAt ? -1 : 1).map(({ startedAt, type: step, subject, status, reason, error, summary }) => {
    const why = reason === void 0 ? summary ?? "" : `${reason}: ${error ?? ""}`;
    return `| ${[startedAt.slice(11, 19), step, subject, status, why].map(cell).join(" | ")} |`;
  });
  const head = ["| time (UTC) | event | of | status | |", "| --- | --- | --- | --- | --- |"];
  return [`### ${cell(type)}`, "", ...head, ...rows, "", linkTo(correlationId), ""].join("\n");
}
function linkTo(correlationId) {
  const url = neededInput("url").replace(/\/+$/, "").replace(/\/api$/, "");
  return `[What became of it](${url}/api/dashboard/chain?id=${encodeURIComponent(correlationId)})`;
}
