//! The runner on a real store: progress, cancel, lost leases, shutdown, failures.
use std::sync::Mutex;

use anyhow::anyhow;
use cxc_core::field_error::FieldError;
use cxc_store::job::NewJob;

use super::*;
use crate::testing::TestApp;

/// Does what the job's payload says.
#[derive(Default)]
struct Worker {
    ended: Mutex<Vec<&'static str>>,
    /// Somebody saw the progress.
    seen: AtomicBool,
}

#[async_trait]
impl JobHandler for Worker {
    fn kinds(&self) -> &'static [&'static str] {
        &["test_work"]
    }

    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError> {
        match job.payload.0.as_str().unwrap_or_default() {
            work @ ("count" | "show") => {
                control.progress(3, 10);
                while work == "show" && !self.seen.load(Ordering::Relaxed) {
                    self.until_stopped(control, Duration::from_millis(10)).await?;
                }
                control.progress(10, 10);
                Ok(json!({ "counted": 10 }))
            }
            "wait" => self.until_stopped(control, Duration::from_secs(30)).await.map(|()| Value::Null),
            "refuse" => {
                let errors = vec![FieldError::new("/list", "not_found", "there is no such list")];
                Err(ApiError::validation(errors).into())
            }
            "fail" => Err(anyhow!("the password of the carrier is hunter2").into()),
            "break" => panic!("a handler breaks"),
            other => Err(anyhow!("no such work: {other}").into()),
        }
    }

    fn ended(&self, _: &Job, state: &'static str, _: Duration) {
        self.ended.lock().unwrap().push(state);
    }
}

impl Worker {
    async fn until_stopped(&self, control: &JobControl, most: Duration) -> Result<(), JobError> {
        let started = tokio::time::Instant::now();
        while started.elapsed() < most {
            control.check()?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

fn new_job(test: &TestApp, work: &str) -> NewJob {
    let app = &test.app;
    let (id, now) = (app.ids.next(), app.now());
    NewJob {
        id,
        tenant: test.tenant.no,
        kind: "test_work",
        subject: None,
        payload: work.into(),
        run_at: now,
        created_by: "test".into(),
        created_at: now,
    }
}

async fn queue(test: &TestApp, work: &str) -> Uuid {
    let job = new_job(test, work);
    let mut tx = test.app.db.begin().await.unwrap();
    tx.job_insert(&job).await.unwrap();
    tx.commit().await.unwrap();
    job.id
}

/// A job that a command began for itself.
async fn own(test: &TestApp, work: &str) -> Job {
    let now = test.app.now();
    let mut tx = test.app.db.begin().await.unwrap();
    let job = tx.job_begin_own(&new_job(test, work), now, LEASE).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    job
}

async fn job(test: &TestApp, id: Uuid) -> Job {
    test.app.db.read().await.unwrap().job_get(test.tenant.no, id).await.unwrap().unwrap()
}

async fn until(test: &TestApp, id: Uuid, is: impl Fn(&Job) -> bool) -> Job {
    for _ in 0..1_000 {
        let now = job(test, id).await;
        if is(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the job is not what was waited for: {:?}", job(test, id).await);
}

fn start(test: &TestApp, worker: &Arc<Worker>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(run_jobs(test.app.clone(), worker.clone(), 2, stop)))
}

async fn run(test: &TestApp, worker: &Worker, work: &str) -> Job {
    let id = queue(test, work).await;
    run_by_id(&test.app, worker, id, CancellationToken::new()).await.unwrap().unwrap()
}

#[tokio::test]
async fn progress_is_seen_while_a_job_runs_and_its_result_at_the_end() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let (stop, runner) = start(&test, &worker);
    let id = queue(&test, "show").await;
    let running = until(&test, id, |j| j.done == 3).await;
    assert_eq!((running.state.as_str(), running.total), ("running", 10));
    worker.seen.store(true, Ordering::Relaxed);
    let ended = until(&test, id, |j| j.state == "succeeded").await;
    assert_eq!((ended.done, ended.result.unwrap().0), (10, json!({ "counted": 10 })));
    stop.cancel();
    runner.await.unwrap();
    assert_eq!(*worker.ended.lock().unwrap(), ["succeeded"]);
}

#[tokio::test]
async fn a_cancelled_job_stops_within_seconds_though_it_reports_nothing() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let (stop, runner) = start(&test, &worker);
    let id = queue(&test, "wait").await;
    until(&test, id, |j| j.state == "running").await;
    let mut tx = test.app.db.begin().await.unwrap();
    assert!(tx.job_cancel(test.tenant.no, id, test.app.now()).await.unwrap());
    tx.commit().await.unwrap();
    let asked = tokio::time::Instant::now();
    until(&test, id, |j| j.state == "cancelled").await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    stop.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_runner_whose_job_was_taken_writes_nothing_more() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let id = queue(&test, "wait").await;
    let (app, stop) = (test.app.clone(), CancellationToken::new());
    let first = tokio::spawn(async move { run_by_id(&app, worker.as_ref(), id, stop).await });
    until(&test, id, |j| j.state == "running").await;
    // its process stood still for longer than its lease
    test.clock.advance_seconds(LEASE / 1_000_000 + 1);
    let mut tx = test.app.db.begin().await.unwrap();
    let taken = tx.job_claim_one(id, test.app.now(), LEASE).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let told = first.await.unwrap();
    assert!(matches!(told, Err(StoreError::LeaseLost(_))), "{told:?}");
    let now = job(&test, id).await;
    assert_eq!((now.state.as_str(), now.lease_token, now.tries), ("running", taken.lease_token, 2));
}

#[tokio::test]
async fn a_transaction_of_the_work_does_not_commit_once_the_job_is_another_runners() {
    let test = TestApp::start().await;
    let id = queue(&test, "wait").await;
    let mut tx = test.app.db.begin().await.unwrap();
    let mine = tx.job_claim_one(id, test.app.now(), 0).await.unwrap().unwrap();
    let control = JobControl::new(mine, CancellationToken::new());
    control.hold(&mut tx, test.app.now()).await.unwrap();
    test.clock.advance_seconds(LEASE / 1_000_000 + 1);
    tx.job_claim_one(id, test.app.now(), LEASE).await.unwrap().unwrap();
    let lost = control.hold(&mut tx, test.app.now()).await;
    assert!(matches!(lost, Err(JobError::Store(StoreError::LeaseLost(_)))), "{lost:?}");
    assert!(control.check().is_err());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_process_that_stops_puts_its_job_back_for_another() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let (stop, runner) = start(&test, &worker);
    let id = queue(&test, "wait").await;
    until(&test, id, |j| j.state == "running").await;
    stop.cancel();
    runner.await.unwrap();
    assert_eq!(job(&test, id).await.state, "queued");
    assert!(worker.ended.lock().unwrap().is_empty(), "it has not ended");
    let (stop, runner) = start(&test, &worker);
    until(&test, id, |j| j.state == "running" && j.tries == 2).await;
    stop.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_shown_in_full_and_a_failure_of_ours_without_its_cause() {
    let (test, worker) = (TestApp::start().await, Worker::default());
    let refused = run(&test, &worker, "refuse").await;
    let error = refused.error.unwrap().0;
    assert_eq!((refused.state.as_str(), error["code"].as_str()), ("failed", Some("validation_failed")));
    assert_eq!(error["errors"][0]["pointer"], "/list");
    let failed = run(&test, &worker, "fail").await;
    let error = failed.error.unwrap().0;
    assert_eq!((failed.state.as_str(), error["status"].as_i64()), ("failed", Some(500)));
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(*worker.ended.lock().unwrap(), ["failed", "failed"]);
}

#[tokio::test]
async fn a_job_is_run_by_its_id_once() {
    let (test, worker) = (TestApp::start().await, Worker::default());
    let id = queue(&test, "count").await;
    let ended = run_by_id(&test.app, &worker, id, CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!(ended.state, "succeeded");
    assert!(run_by_id(&test.app, &worker, id, CancellationToken::new()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_whose_handler_breaks_is_tried_again_and_given_up_in_the_end() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let id = queue(&test, "break").await;
    for tries in 1..=MAX_TRIES {
        let (app, worker) = (test.app.clone(), worker.clone());
        let broken = tokio::spawn(async move { run_by_id(&app, worker.as_ref(), id, CancellationToken::new()).await });
        assert!(broken.await.unwrap_err().is_panic());
        let now = job(&test, id).await;
        assert_eq!((now.state.as_str(), now.tries), ("running", tries));
        test.clock.advance_seconds(LEASE / 1_000_000 + 1);
    }
    sweep(&test.app).await.unwrap();
    assert_eq!(job(&test, id).await.state, "failed");
    test.clock.advance_seconds(31 * 86_400);
    sweep(&test.app).await.unwrap();
    assert!(test.app.db.read().await.unwrap().job_get(test.tenant.no, id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_that_a_command_began_is_taken_back_when_the_command_is_gone_and_never_run_again() {
    let (test, worker) = (TestApp::start().await, Arc::new(Worker::default()));
    let lost = own(&test, "wait").await;
    let (stop, runner) = start(&test, &worker);
    // while the command lives it is nobody else's
    let later = queue(&test, "count").await;
    until(&test, later, |j| j.state == "succeeded").await;
    assert_eq!(job(&test, lost.id).await.state, "running");
    test.clock.advance_seconds(LEASE / 1_000_000 + 1);
    let ended = until(&test, lost.id, |j| j.finished_at.is_some()).await;
    assert_eq!((ended.state.as_str(), ended.tries), ("cancelled", 2));
    stop.cancel();
    runner.await.unwrap();
}

#[tokio::test]
async fn a_command_goes_on_with_its_own_job_and_the_next_one_takes_it_back() {
    let test = TestApp::start().await;
    let mine = own(&test, "wait").await;
    let tenant = mine.tenant;
    let mut tx = test.app.db.begin().await.unwrap();
    // the store was away for a moment
    tx.job_requeue(&mine, test.app.now()).await.unwrap();
    assert!(tx.job_claim(&["test_work"], test.app.now(), LEASE).await.unwrap().is_none(), "not a server's");
    let again = tx.job_claim_one(mine.id, test.app.now(), LEASE).await.unwrap().unwrap();
    assert!(!again.cancel);
    let lost = async |tx: &mut Tx, of| tx.job_claim_lost(of, &["test_work"], test.app.now(), LEASE).await.unwrap();
    assert!(lost(&mut tx, tenant).await.is_none(), "the command lives");
    test.clock.advance_seconds(LEASE / 1_000_000 + 1);
    assert!(lost(&mut tx, tenant + 1).await.is_none(), "another tenant's");
    assert!(lost(&mut tx, tenant).await.unwrap().cancel);
    tx.commit().await.unwrap();
}
