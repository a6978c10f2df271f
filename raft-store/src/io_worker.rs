use std::sync::Arc;
use std::thread::JoinHandle;
use std::{fmt, io, thread};

use tokio::sync::mpsc;

use crate::job::Job;
use crate::log_reader::LogShared;
use crate::recovery::Recovered;
use crate::writer::{Round, Writer};
use crate::{Engine, StoreConfig, StoreTypes};

/// A round takes at most this many jobs.
const ROUND_JOBS: usize = 4096;

/// Owns every write of the store. Takes all jobs that wait, writes what they
/// want, syncs once, answers; ends when log and state machine are dropped.
pub struct IoWorker<C: StoreTypes> {
    jobs: mpsc::Receiver<Job<C>>,
    writer: Writer<C>,
    #[cfg(feature = "mutants")]
    acknowledges_early: bool,
}

impl<C: StoreTypes> IoWorker<C> {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        jobs: mpsc::Receiver<Job<C>>,
        shared: Arc<LogShared<C>>,
        recovered: &Recovered,
        #[cfg_attr(not(feature = "mutants"), expect(unused_variables))] config: &StoreConfig,
    ) -> Self {
        let log_end = recovered.last().map_or(0, |last| last.index + 1);
        Self {
            jobs,
            writer: Writer::new(engine, shared, log_end, recovered.held()),
            #[cfg(feature = "mutants")]
            acknowledges_early: config.mutant == Some(quorate_model::Mutant::AckBeforeSync),
        }
    }

    /// Production: a thread of its own, because writes and syncs block.
    pub fn run_on_thread(mut self) -> io::Result<JoinHandle<()>> {
        let run = move || {
            while let Some(job) = self.next_blocking() {
                let mut round = self.gather(job);
                self.writer.write(&mut round);
                let needs_sync = round.needs_sync();
                self.acknowledge_early(&mut round);
                if needs_sync {
                    self.writer.sync();
                }
                self.writer.finish(&mut round);
                self.writer.sweep();
            }
            self.writer.close();
        };
        thread::Builder::new()
            .name("quorate-raft-io".to_owned())
            .spawn(run)
    }

    /// The simulator: the same loop as a task. `pace` is awaited between a
    /// write and its sync; a crash there loses what was not acknowledged.
    pub async fn run_paced<F, Fut>(mut self, mut pace: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        while let Some(job) = self.next().await {
            let mut round = self.gather(job);
            self.writer.write(&mut round);
            let needs_sync = round.needs_sync();
            self.acknowledge_early(&mut round);
            if needs_sync {
                pace().await;
                self.writer.sync();
            }
            self.writer.finish(&mut round);
            self.writer.sweep();
        }
        self.writer.close();
    }

    /// Waits for a job; `Some(None)` is background work, `None` the end.
    fn next_blocking(&mut self) -> Option<Option<Job<C>>> {
        if self.writer.has_work() {
            return self.next_ready();
        }
        self.jobs.blocking_recv().map(Some)
    }

    async fn next(&mut self) -> Option<Option<Job<C>>> {
        if self.writer.has_work() {
            // Background work must not keep other tasks from their turn.
            tokio::task::yield_now().await;
            return self.next_ready();
        }
        self.jobs.recv().await.map(Some)
    }

    fn next_ready(&mut self) -> Option<Option<Job<C>>> {
        if let Some(job) = self.writer.released() {
            return Some(Some(job));
        }
        match self.jobs.try_recv() {
            Ok(job) => Some(Some(job)),
            Err(mpsc::error::TryRecvError::Empty) => Some(None),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
        }
    }

    fn gather(&mut self, first: Option<Job<C>>) -> Round<C> {
        let mut round = Round::new();
        let mut next = first;
        let mut taken = 0;
        while let Some(job) = next {
            self.writer.take(&mut round, job);
            taken += 1;
            if taken == ROUND_JOBS || round.is_full() {
                break;
            }
            next = self.writer.released().or_else(|| self.jobs.try_recv().ok());
        }
        round
    }

    #[cfg(feature = "mutants")]
    fn acknowledge_early(&mut self, round: &mut Round<C>) {
        if self.acknowledges_early {
            self.writer.finish(round);
        }
    }

    #[cfg(not(feature = "mutants"))]
    fn acknowledge_early(&mut self, _round: &mut Round<C>) {}
}

impl<C: StoreTypes> fmt::Debug for IoWorker<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IoWorker").finish_non_exhaustive()
    }
}
