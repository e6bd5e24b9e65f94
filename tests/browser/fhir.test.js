// The strumenti shipped as FHIR R4, checked by a validator that is not ours: npm's `fhir` carries the structure that HL7
// publishes and checks names, cardinalities, types and required value sets. It knows no invariants: those that our
// resources could break are checked here, by the keys that the specification gives them. No browser is needed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import fhir from 'fhir';

const root = path.resolve(import.meta.dirname, '../..');
const validator = new fhir.Fhir();
const exported = {};

/** What the example `fhir` of the package `domain` prints of a definition; `cargo test` has built it. */
function exportOf(file) {
  const targetDir = process.env.CARGO_TARGET_DIR ?? path.join(homedir(), '.cache/noncello-target');
  const program = path.join(targetDir, 'debug/examples/fhir');
  return JSON.parse(execFileSync(program, [file], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 }));
}

before(() => {
  for (const id of ['asso', 'isa']) exported[id] = exportOf(`intake/instruments/${id}/1.toml`);
  exported.small = exportOf('intake/domain/tests/fixtures/definition-1.toml');
});

const children = (node) => node.item ?? [];
const flat = (node) => children(node).flatMap((item) => [item, ...flat(item)]);

/**
 * What the validator finds wrong with the structure. It does not follow an item into its items (they are defined by
 * reference), so it is given all of them side by side, as FHIR defines them alike.
 */
function structureFaults(resource) {
  const unfolded = structuredClone(resource);
  if (resource.item) unfolded.item = flat(resource).map(({ item, ...own }) => own);
  const { messages } = validator.validate(unfolded, { errorOnUnexpected: true });
  const nested = objects(resource).filter(({ item }) => item !== undefined && !Array.isArray(item)).map(() => 'item: Property is not an array');
  return [...nested, ...messages.filter(({ severity }) => severity === 'error' || severity === 'fatal').map(({ location, message }) => `${location}: ${message}`)];
}

const objects = (value) => (value && typeof value === 'object' ? [value, ...Object.values(value).flatMap(objects)] : []);

// The validator looks for a date anywhere in a value, and takes a number for a text: the specification's own pattern, and
// the keys of ours that are texts.
const DATE_TIME = /^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?$/;
const TEXTS = ['linkId', 'text', 'system', 'version', 'display', 'url', 'title', 'name', 'language', 'description', 'copyright', 'questionnaire', 'reference', 'id'];

/** Keys of the invariants that a resource breaks. */
function invariantFaults(resource) {
  const broken = new Set();
  const hold = (key, holds) => holds || broken.add(key);
  // ele-1: every element has a value or children; so no list and no object is empty, and JSON has no null.
  for (const node of objects(resource)) {
    hold('ele-1', Object.keys(node).length > 0 && Object.values(node).every((value) => value !== null && value !== ''));
  }
  for (const node of objects(resource)) {
    for (const key of TEXTS) hold(`${key} is a text`, node[key] === undefined || (typeof node[key] === 'string' && node[key].trim() === node[key]));
    for (const key of ['authored', 'effectiveDateTime']) hold('dateTime', node[key] === undefined || DATE_TIME.test(node[key]));
  }
  const items = flat(resource);
  if (resource.resourceType === 'Questionnaire') {
    hold('que-0', /^[A-Z][A-Za-z0-9_]{0,254}$/.test(resource.name));
    hold('que-2', new Set(items.map(({ linkId }) => linkId)).size === items.length);
    for (const item of items) {
      hold('que-1', item.type === 'group' ? children(item).length > 0 : item.type !== 'display' || children(item).length === 0);
      hold('que-3', item.type !== 'display' || item.code === undefined);
      hold('que-4', item.answerOption === undefined || item.answerValueSet === undefined);
      hold('que-5', ['choice', 'open-choice', 'decimal', 'integer', 'date', 'dateTime', 'time', 'string'].includes(item.type) || item.answerOption === undefined);
      hold('que-6', item.type !== 'display' || (item.required === undefined && item.repeats === undefined));
    }
  }
  if (resource.resourceType === 'QuestionnaireResponse') {
    for (const item of items) hold('qrs-1', !(item.answer && item.item));
    const ids = (resource.contained ?? []).map(({ id }) => id);
    hold('ids of contained resources are unique', new Set(ids).size === ids.length);
    for (const contained of resource.contained ?? []) {
      hold('dom-2', contained.contained === undefined);
      hold('dom-3', objects(contained).some(({ reference }) => reference === '#'));
      hold('dom-4', contained.meta?.versionId === undefined && contained.meta?.lastUpdated === undefined);
      hold('id', /^[A-Za-z0-9.-]{1,64}$/.test(contained.id));
      const values = Object.keys(contained).filter((key) => key.startsWith('value'));
      hold('obs-6', values.length === 0 || contained.dataAbsentReason === undefined);
      hold('obs-6: a value, or why there is none', values.length === 1 || contained.dataAbsentReason !== undefined);
      const codes = contained.code.coding.map(({ system, code }) => `${system}|${code}`);
      hold('obs-7', !(contained.component ?? []).some((component) => component.code.coding.some(({ system, code }) => codes.includes(`${system}|${code}`))));
      for (const { numerator, denominator } of objects(contained)) hold('rat-1', (numerator === undefined) === (denominator === undefined));
    }
  }
  return [...broken];
}

/** Answers that the questionnaire does not offer where they stand. */
function answersNotOffered(questionnaire, response) {
  const key = ({ system, version, code, display }) => [system, version, code, display].join('|');
  const offered = new Map();
  const placed = new Map();
  for (const group of questionnaire.item) {
    for (const item of children(group)) {
      placed.set(item.linkId, group.linkId);
      offered.set(item.linkId, new Set((item.answerOption ?? []).map(({ valueCoding }) => key(valueCoding))));
    }
  }
  return children(response).flatMap((group) => children(group)
    .filter((item) => placed.get(item.linkId) !== group.linkId || !item.answer.every(({ valueCoding }) => offered.get(item.linkId).has(key(valueCoding))))
    .map(({ linkId }) => linkId));
}

test('the validator knows R4, neither an older nor a newer release', () => {
  const item = (fields) => ({ resourceType: 'Questionnaire', status: 'draft', item: [{ linkId: 'a', ...fields }] });
  assert.deepEqual(structureFaults(item({ type: 'choice', answerOption: [{ valueInteger: 1 }] })), []);
  assert.notDeepEqual(structureFaults(item({ type: 'choice', option: [{ valueInteger: 1 }] })), [], 'STU3');
  assert.notDeepEqual(structureFaults(item({ type: 'coding' })), [], 'R5');
});

test('the strumenti shipped are Questionnaires of FHIR R4', () => {
  for (const [id, { questionnaire }] of Object.entries(exported)) {
    assert.deepEqual(structureFaults(questionnaire), [], id);
    assert.deepEqual(invariantFaults(questionnaire), [], id);
    assert.equal(questionnaire.status, 'draft', 'all three are «non ufficiale»');
  }
  const questions = (id) => flat(exported[id].questionnaire).filter(({ type }) => type === 'choice').length;
  assert.deepEqual([questions('asso'), questions('isa'), questions('small')], [25, 50, 3]);
});

test('every kind of sheet is a QuestionnaireResponse of FHIR R4', () => {
  for (const [id, { questionnaire, responses }] of Object.entries(exported)) {
    assert.ok(responses.length >= 6, id);
    for (const response of responses) {
      assert.deepEqual(structureFaults(response), [], id);
      assert.deepEqual(invariantFaults(response), [], id);
      assert.deepEqual(answersNotOffered(questionnaire, response), [], id);
      assert.equal(response.questionnaire, `${questionnaire.url}|${questionnaire.version}`);
      assert.match(response.subject.identifier.value, /^urn:uuid:[0-9a-f-]{36}$/);
    }
    const used = new Set(responses.flatMap((response) => flat(response).flatMap(({ linkId, answer }) => (answer ?? []).map(({ valueCoding }) => `${linkId}|${valueCoding.system}|${valueCoding.code}`))));
    const all = flat(questionnaire).flatMap(({ linkId, answerOption }) => (answerOption ?? []).map(({ valueCoding }) => `${linkId}|${valueCoding.system}|${valueCoding.code}`));
    assert.deepEqual(all.filter((one) => !used.has(one)), [], 'every answer offered was given in some response');
  }
});

test('a wrong resource is refused', () => {
  const { questionnaire, responses: [response] } = exported.asso;
  const refused = (resource, change, find) => {
    const changed = structuredClone(resource);
    change(changed);
    assert.notDeepEqual(find(changed), [], String(change));
  };
  for (const change of [
    (it) => { it.status = 'ufficiale'; },
    (it) => { delete it.status; },
    (it) => { it.stato = 'draft'; },
    (it) => { delete it.item[0].linkId; },
    (it) => { it.item[0].type = 'section'; },
    (it) => { it.item[1].item[1].answerOption = {}; },
    (it) => { it.item[1].item[1].type = 'scelta'; },
    (it) => { delete it.item[1].item[1].linkId; },
    (it) => { it.item[1].item[1].item[0].testo = 'aiuto'; },
    (it) => { delete it.item[0].item[0].answerOption[0].valueCoding; },
    (it) => { it.item[0].item[0].answerOption[0].valueCoding.points = 3; },
    (it) => { it.date = 'ieri'; },
  ]) refused(questionnaire, change, structureFaults);
  for (const change of [
    (it) => { it.name = 'asso uno'; },
    (it) => { it.item[1].linkId = it.item[0].linkId; },
    (it) => { it.item[0].item = []; },
    (it) => { it.item[0].item.push({ linkId: 'x', type: 'display', text: 'x', item: [{ linkId: 'y', type: 'display' }] }); },
    (it) => { it.item[0].answerOption = [{ valueInteger: 1 }]; },
  ]) refused(questionnaire, change, invariantFaults);
  for (const change of [
    (it) => { it.status = 'validated'; },
    (it) => { it.authored = 'ieri'; },
    (it) => { it.item[0].item[0].answer[0].value = 1; },
    (it) => { it.contained[0].status = 'proposal'; },
    (it) => { delete it.contained[0].code; },
    (it) => { it.contained[0].derivedFrom = [{ reference: 'Patient/1' }]; },
    (it) => { it.subject.name = 'Rossi'; },
  ]) refused(response, change, structureFaults);
  for (const change of [
    (it) => { it.authored = '28/11/2026'; },
    (it) => { it.contained[0].effectiveDateTime = '2026-11-28T10:00:00'; },
    (it) => { it.item[0].text = 3; },
    (it) => { delete it.contained[0].derivedFrom; },
    (it) => { it.contained[0].id = 'scale_occupabilita'; },
    (it) => { it.contained[0].dataAbsentReason = { text: 'x' }; },
    (it) => { delete it.contained[0].valueRatio.denominator; },
    (it) => { it.contained[0].component[0].code = it.contained[0].code; },
    (it) => { it.item[0].item[0].item = [{ linkId: 'x' }]; },
    (it) => { it.subject.identifier.value = null; },
  ]) refused(response, change, invariantFaults);
  refused(response, (it) => { it.item[0].item[0].answer[0].valueCoding.code = '9'; }, (it) => answersNotOffered(questionnaire, it));
  refused(response, (it) => { it.item[0].linkId = it.item[1].linkId; }, (it) => answersNotOffered(questionnaire, it));
});
