#include "node/super.h"

#include "core/obs/log.h"
#include "node/backoff.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_SLACK_MS 3000 /* beyond `grace`, before the serving process is killed */

enum { CHILD_KEYD, CHILD_SERVE, CHILDREN };

struct child {
    const char *name;
    const char *mode; /* its first argument */
    pid_t pid;        /* 0: not running */
    fog_time_ms started_ms;
    fog_time_ms start_at_ms; /* when not running */
    struct node_backoff backoff;
};

struct super {
    const struct node_conf *conf;
    const char *conf_path;
    struct child children[CHILDREN];
    int pair[CHILDREN]; /* end of the channel that each child inherits */
    int ready[2];
    int signals;
    bool is_ready; /* the serving process listened once */
    bool stopping;
    fog_time_ms kill_at_ms;
    int exit_code;
    bool done;
};

static fog_time_ms now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (fog_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One datagram to the service manager, if there is one (sd_notify(3) without its library). */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    int fd;

    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0'; /* abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        fog_debug("super.notify", "error=\"%s\"", fog_strerror(-errno));
    close(fd);
}

/* In the child, between fork and exec: only async-signal-safe calls. */
static void become(const struct super *s, const struct child *c, int chan, pid_t parent)
{
    const char *argv[] = {"fogd", c->mode, "-c", s->conf_path, NULL};
    sigset_t none;

    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(FOGD_EXIT_FAILED); /* the supervisor is gone already */
    /* Its own group: a terminal's ^C reaches the supervisor alone, which stops things in order. */
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* Through high numbers first, so that neither target overwrites the other source. */
    chan = fcntl(chan, F_DUPFD, 16);
    if (chan < 0 || dup2(chan, SUPER_FD_CHAN) < 0)
        _exit(FOGD_EXIT_FAILED);
    if (c == &s->children[CHILD_SERVE]) {
        int ready = fcntl(s->ready[1], F_DUPFD, 16);

        if (ready < 0 || dup2(ready, SUPER_FD_READY) < 0)
            _exit(FOGD_EXIT_FAILED);
        close(ready);
    }
    close(chan);
    execv("/proc/self/exe", (char *const *)argv);
    _exit(FOGD_EXIT_FAILED);
}

static void start(struct super *s, int which)
{
    struct child *c = &s->children[which];
    pid_t parent = getpid(), pid = fork();

    if (pid == 0)
        become(s, c, s->pair[which], parent);
    c->started_ms = now_ms();
    if (pid < 0) {
        c->start_at_ms = c->started_ms + node_backoff_died(&c->backoff, 0);
        fog_unusual("super.fork", "child=%s error=\"%s\"", c->name, fog_strerror(-errno));
        return;
    }
    c->pid = pid;
    fog_info("super.started", "child=%s pid=%d", c->name, (int)pid);
}

static void begin_stop(struct super *s, int exit_code)
{
    struct child *serve = &s->children[CHILD_SERVE];

    if (s->stopping) { /* asked twice: no more patience */
        s->kill_at_ms = now_ms();
        return;
    }
    s->stopping = true;
    s->exit_code = exit_code;
    s->kill_at_ms = now_ms() + s->conf->grace + STOP_SLACK_MS;
    notify("STOPPING=1");
    fog_info("super.stopping", "grace_ms=%lld", (long long)s->conf->grace);
    if (serve->pid != 0)
        kill(serve->pid, SIGTERM);
}

static void on_child_end(struct super *s, int which, int status)
{
    struct child *c = &s->children[which];
    fog_time_ms lived = now_ms() - c->started_ms;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

    c->pid = 0;
    if (s->stopping)
        return;
    /* What cannot start the first time will not start the tenth: its own message stands on stderr.
     */
    if (!s->is_ready && (code == FOGD_EXIT_FAILED || code == FOGD_EXIT_USAGE)) {
        begin_stop(s, code);
        return;
    }
    c->start_at_ms = now_ms() + node_backoff_died(&c->backoff, lived);
    fog_unusual("super.died", "child=%s %s=%d lived_ms=%lld again_in_ms=%lld", c->name,
                WIFSIGNALED(status) ? "signal" : "exit",
                WIFSIGNALED(status) ? WTERMSIG(status) : code, (long long)lived,
                (long long)(c->start_at_ms - now_ms()));
}

static void reap(struct super *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < CHILDREN; i++)
            if (s->children[i].pid == pid)
                on_child_end(s, i, status);
}

static void on_signal(struct super *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else if (info.ssi_signo != SIGHUP)
            begin_stop(s, 0);
        else if (s->children[CHILD_SERVE].pid != 0)
            kill(s->children[CHILD_SERVE].pid, SIGHUP);
    }
}

static void on_ready(struct super *s)
{
    char byte[16];

    if (read(s->ready[0], byte, sizeof byte) <= 0)
        return;
    if (!s->is_ready)
        notify("READY=1");
    s->is_ready = true;
    fog_info("super.ready", "listen=%s", s->conf->listen);
}

/* Starts, kills and ends what is due; returns how long there is nothing to do. */
static int run_due(struct super *s)
{
    struct child *serve = &s->children[CHILD_SERVE], *keyd = &s->children[CHILD_KEYD];
    fog_time_ms now = now_ms(), wait = 60000;

    if (s->stopping) {
        if (serve->pid == 0) {
            /* keyd has synced whatever it answered: nothing is lost by ending it now. */
            if (keyd->pid != 0)
                kill(keyd->pid, SIGKILL);
            s->done = keyd->pid == 0;
            return 1000;
        }
        if (now >= s->kill_at_ms) {
            fog_unusual("super.kill", "child=%s reason=\"did not stop in time\"", serve->name);
            kill(serve->pid, SIGKILL);
            s->kill_at_ms = now + 1000;
        }
        return (int)(s->kill_at_ms - now);
    }
    for (int i = 0; i < CHILDREN; i++) {
        struct child *c = &s->children[i];

        if (c->pid == 0 && now >= c->start_at_ms)
            start(s, i);
        if (c->pid == 0 && c->start_at_ms - now < wait)
            wait = c->start_at_ms - now;
    }
    return wait < 0 ? 0 : (int)wait;
}

static int prepare(struct super *s)
{
    struct rlimit files;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0 || pipe2(s->ready, O_CLOEXEC | O_NONBLOCK) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->pair) != 0) {
        fprintf(stderr, "fogd: cannot set up: %s\n", fog_strerror(-errno));
        return -errno;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    return 0;
}

int super_run(const struct node_conf *conf, const char *conf_path)
{
    struct super s = {
        .conf = conf,
        .conf_path = conf_path,
        .children = {[CHILD_KEYD] = {.name = "keyd", .mode = "--keyd"},
                     [CHILD_SERVE] = {.name = "serve", .mode = "--serve"}},
    };

    if (prepare(&s) != 0)
        return FOGD_EXIT_FAILED;
    while (!s.done) {
        struct pollfd fds[] = {{.fd = s.signals, .events = POLLIN},
                               {.fd = s.ready[0], .events = POLLIN}};
        int wait = run_due(&s);

        if (s.done)
            break;
        if (poll(fds, FOG_COUNT(fds), wait) < 0 && errno != EINTR)
            break;
        on_ready(&s);
        on_signal(&s);
    }
    fog_info("super.stopped", "exit=%d", s.exit_code);
    return s.exit_code;
}
