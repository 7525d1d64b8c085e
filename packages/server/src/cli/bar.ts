const barSize = 24;

/** Draws a share from 0 to 1; made by {@link loadBar}. */
export type Bar = (share: number) => string;

/** Loads what draws a bar: few commands need it. */
export async function loadBar(): Promise<Bar> {
  const { default: progress } = await import('cli-progress');
  const look = {
    barsize: barSize,
    barCompleteString: '█'.repeat(barSize),
    barIncompleteString: '░'.repeat(barSize),
    barGlue: '',
    align: 'left',
  } as const;
  return (share) => progress.Format.BarFormat(share, look);
}
