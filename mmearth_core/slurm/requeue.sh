# Before the time limit, Slurm sends a signal to this shell only. The shell passes it on to the command, which finishes
# the tiles in progress and exits with status 3: the task should run again.
child=
warned=
trap 'warned=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
@COMMAND@ &
child=$!
[ -z "$warned" ] || kill -TERM "$child"
wait "$child"
status=$?
# A signal interrupts `wait`; another call returns the command's own status.
while [ -n "$warned" ] && [ "$status" -gt 128 ]; do
    warned=
    wait "$child"
    status=$?
done
# A status above 128 means that the command was killed, for example because it ran out of memory. Finished tiles are
# kept, so the task is also requeued.
if [ "$status" -ne 3 ] && [ "$status" -le 128 ]; then
    exit "$status"
fi

task=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
requeued=${SLURM_RESTART_COUNT:-0}
state=$(squeue --noheader --jobs "$task" --format %T)
if [ "$state" != RUNNING ]; then
    # Requeuing a task that is being cancelled would bring it back.
    echo "task $task stopped early (status $status); not requeued, as its state is '$state'" >&2
elif [ "$requeued" -ge @REQUEUES@ ]; then
    echo "task $task stopped early (status $status); not requeued, as it was requeued $requeued times already" >&2
elif scontrol requeue "$task"; then
    echo "task $task stopped early (status $status); requeued, to continue (time $((requeued + 1)) of @REQUEUES@)" >&2
fi
exit "$status"
