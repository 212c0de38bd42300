/**
 * The shapes that travel over the API, as types for the checker; nothing here runs.
 *
 * @typedef {number | 'NaN' | 'Infinity' | '-Infinity'} WireNumber a number that may be non-finite
 * @typedef {{id: string, title: string, baseline: boolean}} Arm
 * @typedef {{name: string, title: string, unit: string, better: 'up' | 'down' | null}} Metric
 * @typedef {{id: string, title: string, kind: 'series' | 'frame', section: string, metrics?: string[], frame?: string,
 *   arms?: string[], x_log?: boolean, y_log?: boolean}} Panel
 * @typedef {{op: '>' | '>=' | '<' | '<=' | 'within', value: number, tolerance?: number}} Expect
 * @typedef {{id: string, statement: string, reported: {value: number, unit: string, source: string} | null,
 *   reported_words: {words: string, source: string} | null, measure: string, expect: Expect, needs_seeds: number, why?: string}} Claim
 * @typedef {{id: string, title: string, description: string, config: Record<string, any>, seeds: number[],
 *   expected_seconds: number, needs: string | null}} Preset
 * @typedef {Record<string, any>} Schema a JSON Schema
 * @typedef {{id: string, title: string, summary: string, paper?: {title: string, authors?: string, year: number, url: string},
 *   presets: Preset[], arms: Arm[], metrics: Metric[], panels: Panel[], claims: Claim[], datasets: string[],
 *   config_schema?: Schema}} Card
 * @typedef {'queued' | 'running' | 'paused' | 'succeeded' | 'failed' | 'cancelled'} RunStatus
 * @typedef {{step: number, total: number | null, percent: number, eta_seconds: number | null}} Progress
 * @typedef {{id: string, verdict: 'holds' | 'fails' | 'undecided', value: WireNumber | null, detail: string | null}} Verdict
 * @typedef {{id: string, experiment: string, preset: string | null, name: string | null, project: string, created_by: string,
 *   config: Record<string, any>, seed: number, status: RunStatus, status_reason: string | null,
 *   queue?: {position: number, expected_start: string | null} | null, priority: number, device: string, tags: string[],
 *   note: string | null, archived: boolean, sweep_id: string | null, parent_id: string | null, forked_from: string | null,
 *   forked_step: number | null, progress: Progress,
 *   summary: Record<string, WireNumber>, claims: Verdict[], attempt: number, worker: string | {name: string} | null,
 *   last_seq: number, created_at: string, started_at: string | null, finished_at: string | null, engram_version: string | null,
 *   links?: Record<string, string>}} Run
 * @typedef {Record<RunStatus, number>} StateCounts
 * @typedef {{n: number, mean: WireNumber, standard_deviation: WireNumber | null, interval: {low: number, high: number} | null}} Estimate
 * @typedef {Verdict & {rule: string, points: {seed: number, value: WireNumber}[], interval: {low: number, high: number} | null,
 *   bootstrap: {low: number, high: number} | null, on_its_side: number, seeds_needed: number | null}} ClaimEvidence
 * @typedef {{id: string, seed: number}} SeedRun
 * @typedef {{cell: number, values: Record<string, any>, status: StateCounts, seeds: SeedRun[], runs: SeedRun[], claims: ClaimEvidence[]}} CellDetail
 * @typedef {{values: Record<string, any>, status: StateCounts, summary: Record<string, Estimate>, claims: Verdict[]}} SweepCell
 * @typedef {{id: string, experiment: string, preset: string, name: string, project: string, created_by: string,
 *   config: Record<string, any>, grid: Record<string, any[]>, cell_count: number, seeds: number[], max_parallel: number | null, priority: number,
 *   device: string, tags: string[], run_count: number, status: StateCounts, runs: string, created_at: string}} Sweep
 * @typedef {Sweep & {cells: SweepCell[]}} SweepDetail
 * @typedef {{name: string, arm: string | null, step: number, value: WireNumber}} Point
 * @typedef {{seq: number, name: string, arm: string | null, step: number, kind: string, url: string}} FrameRef
 * @typedef {{seq: number, time: string, level: 'info' | 'warning' | 'error', message: string}} LogLine
 * @typedef {{path: string, bytes: number, sha256: string, media_type: string}} ArtifactInfo
 * @typedef {{step: number, bytes: number, time: string, engram_version: string, usable: boolean}} CheckpointInfo
 * @typedef {{kind: 'images', height: number, width: number, channels: number, classes: number, train: number, test: number} |
 *   {kind: 'bags', bags: number, positive: number, instances: number, features: number} |
 *   {kind: 'table', rows: number, features: number, classes: number} | {kind: 'tables', tables: number}} DatasetForm
 * @typedef {{id: string, title: string, licence?: string, bytes: number, source?: string, fetched?: number | null, error?: string | null,
 *   form: DatasetForm, fetchable: boolean,
 *   state: 'bundled' | 'present' | 'imported' | 'absent' | 'fetching' | 'corrupt'}} Dataset
 * @typedef {{id: string, name: string, host: string, devices: string[], state: string, run_id: string | null,
 *   last_seen_at: string, version: string}} WorkerInfo
 * @typedef {{version: string, reachable: boolean, public_url: string | null, workers: {online: number, busy: number},
 *   runs: {queued: number, running: number}}} Status
 * @typedef {{name: string, role: 'admin' | 'member' | 'viewer' | 'worker', login: boolean}} Me
 * @typedef {{id: string, title: string | null, run_id?: string | null, run_ids?: string[] | null, sweep_id?: string | null,
 *   created_at?: string, created_by?: string, expires_at: string | null, revoked_at?: string | null, open?: boolean}} Share
 * @typedef {{pointer: string, detail: string}} Fault
 * @typedef {{seq: number, time: string, type: string, run?: string} & Record<string, any>} RunEvent
 */
export {};
