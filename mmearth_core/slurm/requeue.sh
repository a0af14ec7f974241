# Before the time limit, Slurm sends a signal to this shell only. The shell passes it on to the command, which finishes
# the tiles in progress and exits with status 3: the task should run again.
child=
warned=
ending=
trap 'warned=yes; ending=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM

# Slurm cannot start a task again without the folder of its log, and the run must not make the dataset's folder again where
# a file system is unmounted. So the task waits until both are back, or its time limit approaches.
needed=(@NEEDED@)
missing() {
    for path in "${needed[@]}"; do [ -e "$path" ] || echo "$path"; done
}
wait_for_folders() {
    [ -z "$(missing)" ] || echo "waiting for $(missing | head -n 1), which may be unmounted or renamed" >&2
    until [ -z "$(missing)" ] || [ -n "$ending" ]; do
        sleep 10 &
        wait "$!"
    done
}

wait_for_folders
status=3
if [ -z "$(missing)" ]; then
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
fi
# A status above 128 means that the command was killed, for example because it ran out of memory. Finished tiles are
# kept, so the task is also requeued.
if [ "$status" -ne 3 ] && [ "$status" -le 128 ]; then
    exit "$status"
fi
wait_for_folders

task=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
requeued=${SLURM_RESTART_COUNT:-0}
state=$(squeue --noheader --jobs "$task" --format %T)
# A run that stops by itself needs something that may take a while, such as space on the disk or the network.
pause=0
if [ "$status" -eq 3 ] && [ -z "$ending" ]; then
    pause=$((180 * (requeued + 1)))
    [ "$pause" -le 3600 ] || pause=3600
fi
# From here on Slurm ends this shell, and the commands below should still run.
trap '' TERM
if [ "$state" != RUNNING ]; then
    # Requeuing a task that is being cancelled would bring it back.
    echo "task $task stopped early (status $status); not requeued, as its state is '$state'" >&2
elif [ "$requeued" -ge @REQUEUES@ ]; then
    echo "task $task stopped early (status $status); not requeued, as it was requeued $requeued times already" >&2
elif scontrol requeue "$task"; then
    [ "$pause" -eq 0 ] || scontrol update "JobId=$task" "StartTime=now+$pause"
    echo "task $task stopped early (status $status); requeued, to continue (time $((requeued + 1)) of @REQUEUES@)" \
        "in $pause s or later" >&2
fi
exit "$status"
