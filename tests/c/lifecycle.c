/*
 * A C program that loads the module as hosts do and leads it through one scenario of tests/it/loading.rs or threads.rs:
 * loading and unloading, races of C_Initialize and C_Finalize, fork(), exit(). It is compiled by the test, once plainly
 * and once for AddressSanitizer. A failed check ends it by abort(), a hang by its alarm.
 *
 * The types are PKCS#11's as Linux has them: every CK_ number is an unsigned long.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle.h"

struct functions p11;
static void *library;

void load(void)
{
	library = dlopen(getenv("SOFTKEEP_PKCS11_MODULE"), RTLD_NOW | RTLD_LOCAL);
	must(library != NULL);
#define FUNCTION(name) must((p11.name = (__typeof__(p11.name))dlsym(library, "C_" #name)) != NULL);
	FUNCTIONS
#undef FUNCTION
}

void unload(void)
{
	memset(&p11, 0, sizeof p11);
	must(dlclose(library) == 0);
}

static pid_t forked(void (*work)(void))
{
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		alarm(40);
		work();
		fflush(stdout);
		_exit(0);
	}
	return child;
}

static void reap(pid_t child)
{
	int status = 0;
	must(waitpid(child, &status, 0) == child);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void sign_in_own_session(void)
{
	CK session = open_session();
	sign_and_verify(session, find_key(session));
	must_be(OK, p11.CloseSession(session));
}

/* 16 threads, every form of arguments that PKCS#11 allows: one wins, and the module works. */
static CK create_mutex(void **mutex)
{
	*mutex = malloc(sizeof(pthread_mutex_t));
	return pthread_mutex_init(*mutex, NULL) ? GENERAL_ERROR : OK;
}

static CK destroy_mutex(void *mutex)
{
	pthread_mutex_destroy(mutex);
	free(mutex);
	return OK;
}

static CK lock_mutex(void *mutex)
{
	return pthread_mutex_lock(mutex) ? GENERAL_ERROR : OK;
}

static CK unlock_mutex(void *mutex)
{
	return pthread_mutex_unlock(mutex) ? GENERAL_ERROR : OK;
}

#define RACERS 16
static pthread_barrier_t start_line;
static atomic_int initialised, finalised;

static void *race(void *number)
{
	struct initialize_args none = {0}, os = {.flags = OS_LOCKING_OK}, threadless = {.flags = CANT_CREATE_OS_THREADS};
	struct initialize_args own = {create_mutex, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL};
	struct initialize_args either = {create_mutex, destroy_mutex, lock_mutex, unlock_mutex, OS_LOCKING_OK, NULL};
	void *forms[] = {NULL, &none, &os, &own, &either, &threadless};
	pthread_barrier_wait(&start_line);
	CK rv = p11.Initialize(forms[(size_t)number % 6]);
	must(rv == OK || rv == ALREADY_INITIALIZED);
	initialised += rv == OK;
	pthread_barrier_wait(&start_line);
	CK session = open_session();
	must_be(OK, p11.CloseSession(session));
	pthread_barrier_wait(&start_line);
	rv = p11.Finalize(NULL);
	must(rv == OK || rv == NOT_INITIALIZED);
	finalised += rv == OK;
	return NULL;
}

static void races(int rounds)
{
	load();
	for (int round = 1; round <= rounds; round++) {
		pthread_t threads[RACERS];
		pthread_barrier_init(&start_line, NULL, RACERS);
		for (size_t number = 0; number < RACERS; number++)
			/* Each form is the one that may win, in some round. */
			must(pthread_create(&threads[number], NULL, race, (void *)(number + (size_t)round)) == 0);
		for (size_t number = 0; number < RACERS; number++)
			pthread_join(threads[number], NULL);
		pthread_barrier_destroy(&start_line);
		must(initialised == round && finalised == round);
	}
}

/* dlopen, C_Initialize, login, signature, C_Finalize, dlclose; or without C_Finalize. */
static void reload(int rounds, int finalizes)
{
	struct usage before = {0, 0};
	CK kept = 0;
	for (int round = 0; round < rounds; round++) {
		load();
		CK rv = p11.Initialize(NULL);
		must_be(round == 0 || finalizes ? OK : ALREADY_INITIALIZED, rv);
		CK session = open_session();
		must_be(rv == OK ? OK : USER_ALREADY_LOGGED_IN, login(session));
		sign_and_verify(session, find_key(session));
		if (finalizes) {
			must_be(OK, p11.Finalize(NULL));
		} else if (round == 0) {
			/* With the last session the login would end. */
			kept = session;
		} else {
			sign_and_verify(kept, find_key(kept));
			must_be(OK, p11.CloseSession(session));
		}
		unload();
		/* The C library and the allocator have what they keep. */
		if (round == rounds / 4)
			before = usage();
	}
	must_not_have_grown(before, 0, 2048);
}

static void start(void)
{
	load();
	must_be(OK, p11.Initialize(NULL));
	must_be(OK, login(open_session()));
}

/* The handler runs after main, and after handlers that were registered later. */
static void finalize_at_exit(void)
{
	must_be(OK, p11.Finalize(NULL));
	must_be(NOT_INITIALIZED, p11.Finalize(NULL));
	/* A word from here shows the test that it ran to its end. */
	must(write(1, "finalized at exit\n", 18) == 18);
}

static atomic_int stop, ready, unexpected;

/* Signs until told to stop, or until the module is not initialised any more. */
static void *sign_on(void *nothing)
{
	(void)nothing;
	CK session = open_session(), key = find_key(session), rv = sign(session, key);
	ready++;
	while (!stop && rv == OK)
		rv = sign(session, key);
	if (rv != OK && rv != NOT_INITIALIZED) {
		fprintf(stderr, "a thread got 0x%lx\n", rv);
		unexpected++;
	}
	return NULL;
}

#define BUSY 16
static pthread_t busy[BUSY];

static void get_busy(void)
{
	ready = 0;
	for (int index = 0; index < BUSY; index++)
		must(pthread_create(&busy[index], NULL, sign_on, NULL) == 0);
	while (ready < BUSY)
		usleep(1000);
}

static void join_busy(void)
{
	for (int index = 0; index < BUSY; index++)
		pthread_join(busy[index], NULL);
	must(unexpected == 0);
}

static void finalize_amid_calls(int rounds)
{
	load();
	struct usage before = {0, 0};
	for (int round = 0; round < rounds; round++) {
		must_be(OK, p11.Initialize(NULL));
		must_be(OK, login(open_session()));
		get_busy();
		must_be(OK, p11.Finalize(NULL));
		join_busy();
		if (round == rounds / 4)
			before = usage();
	}
	must_not_have_grown(before, 0, 4096);
}

static void load_and_sign(void)
{
	load();
	/* In a child C_Initialize starts afresh, and the process itself goes on with what it had. */
	CK rv = p11.Initialize(NULL);
	must(rv == OK || rv == ALREADY_INITIALIZED);
	CK session = open_session();
	must_be(rv == OK ? OK : USER_ALREADY_LOGGED_IN, login(session));
	sign_and_verify(session, find_key(session));
}

static void nothing(void)
{
}

static void dlclose_then_fork(void)
{
	start();
	sign_in_own_session();
	unload();
	/* The fork handlers must still be there, whether the child uses the module again or not. */
	for (int round = 0; round < 20; round++) {
		reap(forked(nothing));
		reap(forked(load_and_sign));
	}
	load_and_sign();
}

/* A thread of the parent waits in C_Sign for a daemon that is stopped: fork() must wait for nothing. */
static void grandchild(void)
{
	reap(forked(sign_in_own_session));
	sign_in_own_session();
}

static void run_again(void)
{
	execl("/proc/self/exe", "lifecycle", "once", (char *)NULL);
	abort();
}

struct signer {
	CK session, key;
};

static void *sign_once(void *given)
{
	struct signer *signer = given;
	must_be(OK, sign(signer->session, signer->key));
	return NULL;
}

#define WAITING 4
#define CHILDREN 6
static void fork_in_sign(pid_t daemon)
{
	struct signer signers[WAITING];
	start();
	for (int index = 0; index < WAITING; index++) {
		signers[index].session = open_session();
		signers[index].key = find_key(signers[index].session);
		must_be(OK, sign(signers[index].session, signers[index].key));
	}
	for (int round = 0; round < 5; round++) {
		pthread_t threads[WAITING];
		pid_t children[CHILDREN];
		must(kill(daemon, SIGSTOP) == 0);
		for (int index = 0; index < WAITING; index++)
			must(pthread_create(&threads[index], NULL, sign_once, &signers[index]) == 0);
		/* By now they wait in C_Sign. */
		usleep(100 * 1000);
		for (int index = 0; index < CHILDREN; index++)
			children[index] = forked((void (*[])(void)){sign_in_own_session, grandchild, run_again}[index % 3]);
		usleep(200 * 1000);
		must(kill(daemon, SIGCONT) == 0);
		for (int index = 0; index < CHILDREN; index++)
			reap(children[index]);
		for (int index = 0; index < WAITING; index++)
			pthread_join(threads[index], NULL);
	}
	sign_in_own_session();
}

int main(int count, char **arguments)
{
	const char *scenario = count > 1 ? arguments[1] : "";
	int number = count > 2 ? atoi(arguments[2]) : 0;
	alarm(150);
	if (!strcmp(scenario, "race")) {
		races(number);
	} else if (!strcmp(scenario, "reload")) {
		reload(number, 1);
	} else if (!strcmp(scenario, "reload-initialised")) {
		reload(number, 0);
	} else if (!strcmp(scenario, "at-exit")) {
		/* Registered before the module is loaded, so it runs after all handlers of the module, if it had any. */
		must(atexit(finalize_at_exit) == 0);
		start();
		sign_in_own_session();
		if (number)
			get_busy();
	} else if (!strcmp(scenario, "exit")) {
		start();
		get_busy();
		puts("ok");
		exit(0);
	} else if (!strcmp(scenario, "finalize-busy")) {
		finalize_amid_calls(number);
	} else if (!strcmp(scenario, "dlclose-fork")) {
		dlclose_then_fork();
	} else if (!strcmp(scenario, "fork-in-sign")) {
		fork_in_sign(number);
	} else if (!strcmp(scenario, "once")) {
		start();
		sign_in_own_session();
		must_be(OK, p11.Finalize(NULL));
	} else if (!strcmp(scenario, "mixed")) {
		start();
		mixed_load(number);
	} else {
		fprintf(stderr, "no scenario %s\n", scenario);
		return 2;
	}
	puts("ok");
	return 0;
}
