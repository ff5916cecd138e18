// One analysis run as a job at a time: what the page shows of it, and its result when it is over.
import { isAbort, problemText, toProblem } from '@cim/api'
import { reactive } from 'vue'
import { dismissJob, followJob, jobResults, submitJob } from '../api/jobs'

export interface JobRun {
  busy: boolean
  error: string
  /** The input at fault, where the problem names one. */
  param: string
  progress: number
  message: string
  job: string
}

/** What went wrong, where it is about an input under the title that the form gives it. */
export function errorOf(run: JobRun, titles: Record<string, string | undefined>): string {
  const name = run.param.replace(/^inputs\./, '').replace(/[.[].*$/, '')
  const title = titles[name]
  if (!run.error || !title) return run.error
  // The host says it by the name that programs know.
  const known = [`inputs.${name} `, `inputs.${name}: `, `（${name}）`, ` (${name})`, `（inputs.${name}）`, ` (inputs.${name})`]
  return `${title}：${known.reduce((text, part) => text.replace(part, ''), run.error)}`
}

export interface Runner<A> {
  run: JobRun
  /** The result with its job; null when it was cancelled or has failed, which `run.error` says. */
  start(inputs: object): Promise<{ job: string; answer: A } | null>
  cancel(): Promise<void>
  /** Nobody waits for it any more; it goes on. */
  forget(): void
  say(error: unknown): void
}

export function jobRunner<A>(process: string | (() => string)): Runner<A> {
  const run = reactive<JobRun>({ busy: false, error: '', param: '', progress: 0, message: '', job: '' })
  let controller: AbortController | null = null

  function say(error: unknown): void {
    if (isAbort(error)) return
    const problem = toProblem(error)
    run.error = problemText(problem)
    run.param = problem.param ?? ''
  }

  function forget(): void {
    controller?.abort()
    controller = null
    Object.assign(run, { busy: false, error: '', param: '', progress: 0, message: '', job: '' })
  }

  async function start(inputs: object): Promise<{ job: string; answer: A } | null> {
    forget()
    const mine = new AbortController()
    controller = mine
    run.busy = true
    try {
      run.job = await submitJob(typeof process === 'string' ? process : process(), inputs)
      const job = await followJob(
        run.job,
        (state) => {
          run.progress = state.progress
          run.message = state.message ?? ''
        },
        mine.signal,
      )
      if (job.status !== 'dismissed') return { job: job.jobID, answer: await jobResults<A>(job.jobID) }
    } catch (error) {
      if (controller === mine) say(error)
    } finally {
      if (controller === mine) run.busy = false
    }
    return null
  }

  async function cancel(): Promise<void> {
    const { job } = run
    forget()
    if (job) await dismissJob(job).catch(() => undefined)
  }

  return { run, start, cancel, forget, say }
}
