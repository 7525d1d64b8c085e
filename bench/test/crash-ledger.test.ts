import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceKind, epochOf, hasTwoEpochs, seqAt, timeOf, wireEvent } from '../crash/fleet/fleet-events.ts';
import { Ledger } from '../crash/ledger.ts';

test('the ledger notices an event that is stored a second time', () => {
  const ledger = new Ledger(2);
  const key = ledger.make(1);
  ledger.note(key, 'stored');
  ledger.note(key, 'duplicate');
  assert.equal(ledger.violationCount, 0);
  assert.equal(ledger.acknowledgedCount, 1);
  ledger.note(key, 'stored');
  assert.equal(ledger.violationCount, 1);
  assert.equal(ledger.acknowledgedCount, 1);
});

test('the ledger takes nothing but stored and duplicate for an acknowledgement', () => {
  const ledger = new Ledger(1);
  const key = ledger.make(0);
  for (const result of ['rejected', 'conflict', undefined, { status: 400 }]) ledger.note(key, result);
  assert.equal(ledger.violationCount, 4);
  assert.equal(ledger.isAcknowledged(0, 0), false);
});

test('the ledger holds more events of a device than it was made for', () => {
  const ledger = new Ledger(1);
  const keys = Array.from({ length: 3000 }, () => ledger.make(0));
  for (const key of keys) ledger.note(key, 'stored');
  assert.equal(ledger.acknowledgedCount, 3000);
  assert.equal(ledger.isAcknowledged(0, 2999), true);
});

test('every event of a device has its own time, which tells its counter', () => {
  for (const device of [0, 1, 2, 3, 399]) {
    for (let seq = 0; seq < 3000; seq++) assert.equal(seqAt(device, timeOf(device, seq)), seq);
  }
  const events = [0, 1, 2, 3].map((device) => wireEvent(device, 7));
  assert.deepEqual(
    events.map((it) => [it['seq'], it['event_id']]),
    [
      [7, undefined],
      [7, undefined],
      [undefined, 'event-7'],
      [undefined, undefined],
    ],
  );
});

test('only counting devices have a second epoch', () => {
  for (let device = 0; device < 400; device++) {
    if (hasTwoEpochs(device)) assert.equal(deviceKind(device), 'seq');
    assert.equal(epochOf(device, 0), 'first');
  }
});
