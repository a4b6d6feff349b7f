/* outcome.c: runs a program and writes down how it ended as Windows has it: the
 * exit code, in decimal. For tests under Wine, where the end of the Linux
 * process does not tell that (tests/windows/WINE.md). A process
 * that Linux ended before the program did has the code 0: content programs end
 * with another one.
 *
 *   outcome FILE PROGRAM [argument...]
 *
 * The program has the standard handles of this one, and does not outlive it. */
#include <windows.h>

#include <stdio.h>
#include <string.h>

/* The rest of a command line behind its first argument; ours are not quoted. */
static char *behind(char *line)
{
    line += strcspn(line, " ");
    return line + strspn(line, " ");
}

static int fails(const char *what)
{
    fprintf(stderr, "outcome: %s: error %lu\n", what, (unsigned long)GetLastError());
    return 1;
}

/* Wine's word for a program whose Linux process ended before the program had
 * begun: nothing of it has run, so it can be started again. */
enum { ENDED_EARLY = ERROR_INTERNAL_ERROR, STARTS = 5 };

static BOOL start_program(char *line, PROCESS_INFORMATION *program)
{
    int i;
    for (i = 0; i < STARTS; i++) {
        STARTUPINFOA start;
        memset(&start, 0, sizeof start);
        start.cb = sizeof start;
        if (CreateProcessA(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start, program))
            return TRUE;
        if (GetLastError() != ENDED_EARLY)
            break;
    }
    return FALSE;
}

int main(int argc, char **argv)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
    PROCESS_INFORMATION program;
    HANDLE job = CreateJobObjectA(NULL, NULL);
    DWORD code;
    FILE *file;
    if (argc < 3)
        return fprintf(stderr, "usage: outcome FILE PROGRAM [argument...]\n"), 2;
    memset(&limits, 0, sizeof limits);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (job == NULL || !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        return fails("job");
    if (!start_program(behind(behind(GetCommandLineA())), &program))
        return fails(argv[2]);
    if (!AssignProcessToJobObject(job, program.hProcess))
        return TerminateProcess(program.hProcess, 1), fails("job");
    ResumeThread(program.hThread);
    if (WaitForSingleObject(program.hProcess, INFINITE) != WAIT_OBJECT_0 || !GetExitCodeProcess(program.hProcess, &code))
        return fails("wait");
    file = fopen(argv[1], "w");
    if (file == NULL || fprintf(file, "%lu", (unsigned long)code) < 0 || fclose(file) != 0)
        return fails(argv[1]);
    return 0;
}
