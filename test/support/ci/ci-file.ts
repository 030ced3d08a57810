// Files of deploy/ci, read as their systems read them: by a YAML parser that takes nothing amiss.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../../../deploy/build/source-tree.ts';

const CI_FOLDER = join(ROOT, 'deploy/ci');

export function readCiText(path: string): string {
  return readFileSync(join(CI_FOLDER, path), 'utf8');
}

/** All documents of a file. @throws Error for a fault or a warning of the parser */
export function readCiYaml(path: string): readonly unknown[] {
  const documents = parseAllDocuments(readCiText(path), { uniqueKeys: true, version: '1.2' });
  if (!Array.isArray(documents)) throw new Error(`${path} holds no document`);
  return documents.map((document) => {
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw new Error(`${path}: ${fault.message}`);
    return document.toJS();
  });
}

/** The one document of a file, of this shape. @throws Error that names every place that has another */
export function readShaped<T>(path: string, shape: z.ZodType<T>): T {
  const documents = readCiYaml(path);
  if (documents.length !== 1) throw new Error(`${path} holds ${documents.length} documents`);
  return shaped(path, documents[0], shape);
}

export function shaped<T>(path: string, value: unknown, shape: z.ZodType<T>): T {
  const read = shape.safeParse(value);
  if (!read.success) throw new Error(`${path}: ${z.prettifyError(read.error)}`);
  return read.data;
}
