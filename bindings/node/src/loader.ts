import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { failure, NimError } from './errors';

/** One place where the library was looked for, and why it was not used. */
export interface Tried {
  path: string;
  error: string;
}

/** The library was not found or could not be loaded. tried lists every path, in order. */
export class LibraryLoadError extends NimError {
  override readonly name = 'LibraryLoadError';
  constructor(readonly tried: readonly Tried[]) {
    const places = tried.map((t) => `  ${t.path}: ${t.error}`);
    super({
      ...failure('not_initialized').toJSON(),
      errMsg: ['cannot load the libnim library; tried:', ...places, advice(tried)].join('\n'),
    });
  }
}

export interface LoadedLibrary<T> {
  readonly handle: T;
  readonly path: string;
}

const goNames: Record<string, string> = { linux: 'linux', darwin: 'darwin', win32: 'windows', x64: 'amd64', arm64: 'arm64', ia32: '386' };
const fileNames: Record<string, string> = { win32: 'nim.dll', darwin: 'libnim.dylib' };

/** The file name of the library on this system. */
export const libraryFileName = fileNames[process.platform] ?? 'libnim.so';

/** The optional package that carries the library for this system. */
export const platformPackage = `@libnim/${process.platform}-${process.arch}`;

/**
 * Loads the library by load, which throws what the system's loader says. With a path, or with
 * LIBNIM_PATH set, only that one is tried: an absolute path of the file or of its directory. Else, in
 * this order: the optional package of this platform, the resources of an Electron program, the dist
 * directory of a checkout.
 */
export function loadLibrary<T>(load: (path: string) => T, libraryPath?: string): LoadedLibrary<T> {
  const tried: Tried[] = [];
  for (const candidate of candidates(libraryPath, tried)) {
    try {
      if (!fs.existsSync(candidate)) {
        throw new Error('no such file');
      }
      return { handle: load(candidate), path: candidate };
    } catch (e) {
      tried.push({ path: candidate, error: reason(e) });
    }
  }
  throw new LibraryLoadError(tried);
}

function candidates(libraryPath: string | undefined, tried: Tried[]): string[] {
  const given = libraryPath ?? (process.env.LIBNIM_PATH || undefined);
  if (given !== undefined) {
    if (!path.isAbsolute(given)) {
      tried.push({ path: given, error: 'the path is not absolute' });
      return [];
    }
    return [unpacked(isDirectory(given) ? path.join(given, libraryFileName) : given)];
  }
  const list: string[] = [];
  try {
    const manifest = createRequire(__filename).resolve(`${platformPackage}/package.json`);
    list.push(unpacked(path.join(path.dirname(manifest), libraryFileName)));
  } catch {
    tried.push({ path: platformPackage, error: 'the package is not installed' });
  }
  const { resourcesPath } = process as { resourcesPath?: string };
  if (resourcesPath !== undefined) {
    list.push(path.join(resourcesPath, libraryFileName));
  }
  const target = `${goNames[process.platform] ?? process.platform}-${goNames[process.arch] ?? process.arch}`;
  list.push(path.resolve(__dirname, '..', '..', '..', 'dist', target, 'lib', libraryFileName));
  return list;
}

/** The system's loader cannot read inside an asar archive; electron-builder's asarUnpack puts the file here. */
function unpacked(file: string): string {
  return file.replace(/([\\/])app\.asar([\\/])/, '$1app.asar.unpacked$2');
}

function isDirectory(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function reason(e: unknown): string {
  const text = e instanceof Error ? e.message : String(e);
  return text.replace(/^Failed to load shared library: /, '');
}

/** What to do about the failures, where that is known. */
function advice(tried: readonly Tried[]): string {
  if (process.platform === 'linux' && usesMusl()) {
    return 'This system has the musl C library (Alpine). libnim is a Go library and needs glibc.';
  }
  if (tried.some((t) => t.error.includes('GLIBC_'))) {
    return 'This system has an older glibc than the library was built for.';
  }
  return `Install ${platformPackage}, or set LIBNIM_PATH or the option libraryPath to the absolute path of ${libraryFileName}.`;
}

function usesMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header !== undefined && report.header.glibcVersionRuntime === undefined;
}
