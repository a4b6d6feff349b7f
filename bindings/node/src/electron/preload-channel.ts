/** The IPC channel, and the name of the way to the main process in the page. preload.ts repeats them. */
export const channel = 'libnim';
export const bridgeName = '__libnim';
