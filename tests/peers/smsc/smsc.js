// An SMS centre for tests: records every submit before it answers, and misbehaves on request.
//
//   node smsc.js --port 2775 --log submits.jsonl [options]
//
// Options
//   --host H               address to listen on (127.0.0.1)
//   --system-id S          the only system id that may bind (any)
//   --password P           its password (any)
//   --receipts MS          send a delivery receipt MS milliseconds after the answer, where one was asked for
//   --receipt-state S      DELIVRD (default), UNDELIV, EXPIRED, REJECTD, ...
//   --fail-receipts-every N  every Nth receipt says UNDELIV
//   --delay MS             answer a submit after MS milliseconds
//   --throttle-every N     every Nth submit is refused with ESME_RTHROTTLED and not recorded
//   --rate N               more than N submits within a second are refused with ESME_RTHROTTLED and not recorded
//   --error-every N        every Nth submit is refused with --error-status and not recorded
//   --error-status N       the status for that (0x0B, invalid destination)
//   --drop-every N         every Nth submit is recorded and never answered
//   --hangup-every N       every Nth submit is recorded, then the connection is cut without an answer
//   --no-pipelining        answer submits strictly one after the other
//   --control PORT         also take commands from connections to this port
//
// Commands, one JSON object a line, on standard input or the control port:
//   {"mo": {"from": "12025550123", "to": "4455", "text": "STOP", "id": 1}}   a person's message to every bound session
//       optional members: "dataCoding" (number), "hex" (bytes instead of text), "parts" (split into so many),
//       "fromTon" (number), "esmClass" (number)
//   {"receipt": {"id": "7", "to": "12025550123", "state": "DELIVRD", "reference": 513}}
//   {"set": {"delay": 100, "throttleEvery": 0, ...}}      change an option
//   {"unbind": true}                                      unbind every session
//   {"cut": true}                                         cut every connection
//   {"stats": true}
//
// Prints one JSON object a line on standard output: ready, bound, closed, answer (to a deliver_sm), stats.
'use strict';

const fs = require('fs');
const net = require('net');
const readline = require('readline');
const smpp = require('smpp');

const numeric = new Set([
  'port', 'receipts', 'failReceiptsEvery', 'delay', 'throttleEvery', 'rate', 'errorEvery', 'errorStatus',
  'dropEvery', 'hangupEvery', 'control',
]);
const known = new Set([...numeric, 'host', 'log', 'systemId', 'password', 'receiptState', 'noPipelining']);

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function parseArguments(words) {
  const options = { host: '127.0.0.1', receiptState: 'DELIVRD', errorStatus: 0x0b };
  for (let i = 0; i < words.length; i++) {
    const name = words[i].replace(/^--/, '').replace(/-([a-z])/g, (_, c) => c.toUpperCase());
    if (!words[i].startsWith('--') || !known.has(name)) fail(`unknown option ${words[i]}`);
    if (name === 'noPipelining') {
      options.noPipelining = true;
      continue;
    }
    const value = words[++i];
    if (value === undefined) fail(`${words[i - 1]} needs a value`);
    options[name] = numeric.has(name) ? Number(value) : value;
    if (numeric.has(name) && !Number.isFinite(options[name])) fail(`${words[i - 1]} needs a number`);
  }
  if (options.port === undefined) fail('--port is needed');
  return options;
}

const options = parseArguments(process.argv.slice(2));
const log = options.log ? fs.openSync(options.log, 'a') : null;
const sessions = new Set();
const stats = { submits: 0, recorded: 0, refused: 0, dropped: 0, receipts: 0, answers: {} };
let messageId = 0;
let second = { at: 0, count: 0 };

function say(object) {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

const every = (n, count) => n > 0 && count % n === 0;

// written before the answer leaves: what was answered is in the file even if we are killed
function record(pdu, id) {
  stats.recorded++;
  if (log === null) return;
  const message = pdu.short_message && pdu.short_message.message !== undefined ? pdu.short_message : null;
  const payload = pdu.message_payload;
  const body = message && message.message.length ? message.message : payload ? payload.message || payload : '';
  const line = {
    at: Date.now(),
    id,
    from: pdu.source_addr,
    to: pdu.destination_addr,
    text: Buffer.isBuffer(body) ? body.toString('latin1') : body,
    dataCoding: pdu.data_coding,
    esmClass: pdu.esm_class,
    udh: message && message.udh ? message.udh.map((b) => b.toString('hex')) : [],
    registered: pdu.registered_delivery,
    reference: pdu.user_message_reference === undefined ? null : pdu.user_message_reference,
    sourceTon: pdu.source_addr_ton,
    destTon: pdu.dest_addr_ton,
    payload: payload !== undefined,
  };
  fs.writeSync(log, `${JSON.stringify(line)}\n`);
}

function stamp(date) {
  return date.toISOString().replace(/[-:T]/g, '').slice(2, 12);
}

function sendReceipt(session, receipt) {
  if (!sessions.has(session)) return;
  const now = stamp(new Date());
  const delivered = receipt.state === 'DELIVRD';
  const text =
    `id:${receipt.id} sub:001 dlvrd:${delivered ? '001' : '000'} submit date:${now} done date:${now} ` +
    `stat:${receipt.state} err:${delivered ? '000' : '027'} text:`;
  const states = { ENROUTE: 1, DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8 };
  const pdu = {
    source_addr: receipt.to,
    source_addr_ton: 1,
    source_addr_npi: 1,
    destination_addr: receipt.from || '',
    esm_class: 4,
    short_message: text,
    receipted_message_id: receipt.id,
    message_state: states[receipt.state] || 7,
  };
  if (receipt.reference !== undefined && receipt.reference !== null) pdu.user_message_reference = receipt.reference;
  deliver(session, pdu, { receipt: receipt.id }, 0);
}

// brings it again when we are told "not now", as real centres do
function deliver(session, pdu, tag, tries) {
  stats.receipts++;
  session.deliver_sm(pdu, (answer) => {
    const status = answer.command_status;
    stats.answers[status] = (stats.answers[status] || 0) + 1;
    if (!tag.receipt || status !== 0) say({ answer: status, ...tag });
    if (status !== 0 && tries < 20) {
      setTimeout(() => {
        const target = sessions.has(session) ? session : sessions.values().next().value;
        if (target) deliver(target, { ...pdu }, tag, tries + 1);
      }, 500);
    }
  });
}

function refuse(session, pdu, status) {
  stats.refused++;
  session.send(pdu.response({ command_status: status }));
}

function onSubmit(session, pdu) {
  const count = ++stats.submits;
  const now = Math.floor(Date.now() / 1000);
  if (second.at !== now) second = { at: now, count: 0 };
  second.count++;
  if (every(options.throttleEvery, count) || (options.rate > 0 && second.count > options.rate)) {
    return refuse(session, pdu, smpp.ESME_RTHROTTLED);
  }
  if (every(options.errorEvery, count)) return refuse(session, pdu, options.errorStatus);
  const id = String(++messageId);
  record(pdu, id);
  if (every(options.dropEvery, count)) {
    stats.dropped++;
    return undefined;
  }
  if (every(options.hangupEvery, count)) {
    stats.dropped++;
    sessions.delete(session);
    session.destroy();
    return undefined;
  }
  const answer = () => {
    session.send(pdu.response({ message_id: id }));
    if (options.receipts !== undefined && (pdu.registered_delivery & 3) === 1) {
      const state = every(options.failReceiptsEvery, messageId) ? 'UNDELIV' : options.receiptState;
      const receipt = {
        id, state, to: pdu.destination_addr, from: pdu.source_addr, reference: pdu.user_message_reference,
      };
      setTimeout(() => sendReceipt(session, receipt), options.receipts);
    }
  };
  if (options.delay > 0) setTimeout(answer, options.delay);
  else answer();
  return undefined;
}

function onSession(session) {
  session.socket.setNoDelay(true);
  let chain = Promise.resolve();
  const bind = (pdu) => {
    const wrong =
      (options.systemId !== undefined && pdu.system_id !== options.systemId && smpp.ESME_RINVSYSID) ||
      (options.password !== undefined && pdu.password !== options.password && smpp.ESME_RINVPASWD);
    if (wrong) {
      session.send(pdu.response({ command_status: wrong }));
      return session.close();
    }
    session.send(pdu.response({ system_id: 'cxc-test' }));
    sessions.add(session);
    say({ bound: pdu.system_id });
    return undefined;
  };
  session.on('bind_transceiver', bind);
  session.on('bind_transmitter', bind);
  session.on('bind_receiver', bind);
  session.on('submit_sm', (pdu) => {
    if (!sessions.has(session)) return session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
    if (!options.noPipelining) return onSubmit(session, pdu);
    chain = chain.then(() => {
      onSubmit(session, pdu);
      return new Promise((done) => setTimeout(done, options.delay || 0));
    });
    return undefined;
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
  });
  const gone = () => {
    if (sessions.delete(session)) say({ closed: true });
  };
  session.on('close', gone);
  session.on('error', gone);
}

function messageOf(mo) {
  if (mo.hex !== undefined) return Buffer.from(mo.hex, 'hex');
  return mo.text;
}

function sendMo(mo) {
  const session = sessions.values().next().value;
  if (!session) return say({ error: 'nobody is bound' });
  const base = {
    source_addr: mo.from,
    source_addr_ton: mo.fromTon === undefined ? 1 : mo.fromTon,
    source_addr_npi: 1,
    destination_addr: mo.to,
    esm_class: mo.esmClass || 0,
  };
  if (mo.dataCoding !== undefined) base.data_coding = mo.dataCoding;
  const parts = mo.parts || 1;
  if (parts === 1) {
    deliver(session, { ...base, short_message: messageOf(mo) }, { mo: mo.id }, 0);
    return undefined;
  }
  const size = Math.ceil(mo.text.length / parts);
  for (let n = 0; n < parts; n++) {
    const udh = Buffer.from([5, 0, 3, (mo.id || 1) & 0xff, parts, n + 1]);
    const message = mo.text.slice(n * size, (n + 1) * size);
    deliver(session, { ...base, esm_class: 0x40, short_message: { udh, message } }, { mo: mo.id, part: n + 1 }, 0);
  }
  return undefined;
}

function command(line) {
  let order;
  try {
    order = JSON.parse(line);
  } catch {
    return say({ error: 'a command is one JSON object a line' });
  }
  if (order.mo) return sendMo(order.mo);
  if (order.receipt) {
    const session = sessions.values().next().value;
    return session ? sendReceipt(session, order.receipt) : say({ error: 'nobody is bound' });
  }
  if (order.set) return Object.assign(options, order.set);
  if (order.unbind) return sessions.forEach((session) => session.unbind(() => session.close()));
  if (order.cut) {
    sessions.forEach((session) => session.destroy());
    return sessions.clear();
  }
  if (order.stats) return say({ stats });
  return say({ error: 'unknown command' });
}

const server = smpp.createServer({ rejectUnauthorized: false }, onSession);
server.on('error', (error) => fail(error.message));
server.listen(options.port, options.host, () => {
  readline.createInterface({ input: process.stdin }).on('line', command);
  const ready = () => say({ ready: options.port });
  if (options.control === undefined) return ready();
  const control = net.createServer((socket) => {
    socket.on('error', () => {});
    readline.createInterface({ input: socket }).on('line', command);
  });
  control.on('error', (error) => fail(error.message));
  return control.listen(options.control, options.host, ready);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
