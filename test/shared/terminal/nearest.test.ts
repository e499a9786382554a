import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../../shared/terminal/nearest.ts';

const NAMES = ['publish', 'tail', 'events', 'errors', 'deployments', 'DeploymentRequested', 'DeploymentFailed'];

describe('the nearest name', () => {
  it.each([
    ['pubish', 'publish', 'a letter is missing'],
    ['publlish', 'publish', 'a letter is too many'],
    ['tial', 'tail', 'two letters are swapped'],
    ['EVENTS', 'events', 'the case is another'],
    ['deploy', 'deployments', 'it is the beginning of one'],
    ['DeploymentRequest', 'DeploymentRequested', 'the end is missing'],
  ])('to %s is %s', (word, name) => {
    expect(nearest(word, NAMES)).toBe(name);
  });

  it.each([
    ['frobnicate', 'nothing is near'],
    ['e', 'it could be anything'],
    ['Dep', 'it is the beginning of several'],
    ['', 'there is nothing to go by'],
  ])('to %j is none where %s', (word) => {
    expect(nearest(word, NAMES)).toBeUndefined();
  });

  it('is offered; else the caller says where the names are', () => {
    expect(didYouMean('tial', NAMES, 'see x')).toBe("did you mean 'tail'?");
    expect(didYouMean('frobnicate', NAMES, 'see x')).toBe('see x');
  });
});
