// Kubernetes' own models, as @kubernetes/client-node generates them: which fields an object may have, and of which type.
import * as models from '@kubernetes/client-node';
import type { KubeObject } from './chart.ts';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  readonly attributeTypeMap: readonly Attribute[];
}

const LIST = /^Array<(.+)>$/;
const MAP = /^\{ \[key: string\]: (.+); \}$/;

/**
 * Every field that Kubernetes does not know or that has the wrong type, as `spec.replica: unknown field`. Kinds that are
 * not Kubernetes' own (custom resources) have no model: undefined.
 */
export function findModelFaults(object: KubeObject): readonly string[] | undefined {
  const version = object.apiVersion.split('/').at(-1) ?? '';
  const name = `${version.charAt(0).toUpperCase()}${version.slice(1)}${object.kind}`;
  const isOwn = !object.apiVersion.includes('.') || object.apiVersion.includes('.k8s.io/');
  return isOwn && modelOf(name) !== undefined ? check(object, name, '') : undefined;
}

function check(value: unknown, type: string, path: string): string[] {
  const item = LIST.exec(type)?.[1];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    return value.flatMap((element, index) => check(element, item, `${path}.${index}`));
  }
  const entry = MAP.exec(type)?.[1];
  const model = modelOf(type);
  if (entry === undefined && model === undefined) return checkPlain(value, type, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: not an object`];
  return Object.entries(value).flatMap(([key, field]) => {
    const where = path === '' ? key : `${path}.${key}`;
    const fieldType = entry ?? model?.attributeTypeMap.find(({ baseName }) => baseName === key)?.type;
    return fieldType === undefined ? [`${where}: unknown field`] : check(field, fieldType, where);
  });
}

function checkPlain(value: unknown, type: string, path: string): string[] {
  if (type === 'string' || type === 'number' || type === 'boolean')
    // oxlint-disable-next-line valid-typeof -- compared with one of the three names
    return typeof value === type ? [] : [`${path}: ${JSON.stringify(value)} is not a ${type}`];
  if (type === 'IntOrString')
    return typeof value === 'string' || Number.isInteger(value)
      ? []
      : [`${path}: not an integer or a string`];
  return [];
}

function modelOf(name: string): Model | undefined {
  const found = (models as Readonly<Record<string, unknown>>)[name];
  return typeof found === 'function' && 'attributeTypeMap' in found ? (found as unknown as Model) : undefined;
}
