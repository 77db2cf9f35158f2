// The service puts this in front of the worker's file.
declare const RELEASE: { version: string; files: Record<string, string> };
