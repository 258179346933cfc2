/*
 * Threads with sessions of their own that do everything at once, and what must hold meanwhile: each answer is right,
 * and neither memory nor descriptors grow.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle.h"

/* What `/proc` says of this process. */
static long resident_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *status = fopen("/proc/self/status", "r");
	must(status != NULL);
	while (fgets(line, sizeof line, status))
		sscanf(line, "VmRSS: %ld", &kib);
	fclose(status);
	return kib;
}

static int open_descriptors(void)
{
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	must(directory != NULL);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

struct usage usage(void)
{
	return (struct usage){resident_kib(), open_descriptors()};
}

/* Nothing has grown but noise. AddressSanitizer keeps what is freed for a while, so memory says nothing there. */
void must_not_have_grown(struct usage before, int more_descriptors, long more_kib)
{
	struct usage after = usage();
	printf("VmRSS %ld KiB, then %ld; descriptors %d, then %d\n", before.kib, after.kib, before.descriptors,
	       after.descriptors);
	must(after.descriptors <= before.descriptors + more_descriptors);
#ifndef __SANITIZE_ADDRESS__
	must(after.kib <= before.kib + more_kib);
#else
	(void)more_kib;
#endif
}

#define THREADS 32
static atomic_int stop;
static atomic_long done;

/* What a session that comes and goes does. */
static void visit(CK key)
{
	CK session = open_session();
	sign_and_verify(session, key);
	must(find_key(session) == key);
	must_be(USER_ALREADY_LOGGED_IN, login(session));
	must_be(OK, p11.CloseSession(session));
}

/* A session may be closed, and its operations cancelled, in the middle of them. */
static void leave_in_the_middle(CK key)
{
	CK session = open_session();
	CK class = PRIVATE_KEY;
	struct attribute template = {CLASS, &class, sizeof class};
	struct mechanism ecdsa = {ECDSA_SHA256, NULL, 0};
	must_be(OK, p11.FindObjectsInit(session, &template, 1));
	must_be(OK, p11.SignInit(session, &ecdsa, key));
	must_be(OPERATION_ACTIVE, p11.SignInit(session, &ecdsa, key));
	must_be(OK, p11.SignUpdate(session, (unsigned char *)"part", 4));
	must_be(OK, p11.CloseSession(session));
	must_be(SESSION_HANDLE_INVALID, p11.CloseSession(session));
}

static void sign_in_parts(CK session, CK key, CK public_key)
{
	unsigned char message[300], signature[64];
	CK length = sizeof signature;
	struct mechanism ecdsa = {ECDSA_SHA256, NULL, 0};
	must_be(OK, p11.GenerateRandom(session, message, sizeof message));
	must_be(OK, p11.SignInit(session, &ecdsa, key));
	must_be(OK, p11.SignUpdate(session, message, 100));
	must_be(OK, p11.SignUpdate(session, message + 100, 200));
	must_be(OK, p11.SignFinal(session, NULL, &length));
	must(length == 64);
	must_be(OK, p11.SignFinal(session, signature, &length));
	must_be(OK, p11.VerifyInit(session, &ecdsa, public_key));
	must_be(OK, p11.Verify(session, message, sizeof message, signature, length));
	signature[5] ^= 1;
	must_be(OK, p11.VerifyInit(session, &ecdsa, public_key));
	must_be(SIGNATURE_INVALID, p11.Verify(session, message, sizeof message, signature, length));
}

static void digest(CK session)
{
	/* FIPS 180-4: SHA-256 of the empty message begins so. */
	static const unsigned char empty[4] = {0xe3, 0xb0, 0xc4, 0x42};
	unsigned char out[32];
	CK length = 31;
	struct mechanism sha256 = {SHA256, NULL, 0};
	must_be(OK, p11.DigestInit(session, &sha256));
	must_be(BUFFER_TOO_SMALL, p11.Digest(session, NULL, 0, out, &length));
	must(length == 32);
	must_be(OK, p11.Digest(session, NULL, 0, out, &length));
	must(!memcmp(out, empty, sizeof empty));
}

static void read_attributes(CK session, CK key)
{
	unsigned char label[8], *value = malloc(1);
	struct attribute known = {LABEL, label, sizeof label}, secret = {VALUE, value, 1};
	must_be(OK, p11.GetAttributeValue(session, key, &known, 1));
	must(known.length == 2 && !memcmp(label, "ec", 2));
	must_be(ATTRIBUTE_SENSITIVE, p11.GetAttributeValue(session, key, &secret, 1));
	free(value);
}

static void look_at_slots(void)
{
	CK slots[8], count = 8, event;
	unsigned char info[512];
	must_be(OK, p11.GetSlotList(1, slots, &count));
	must(count >= 1);
	must_be(OK, p11.GetSlotInfo(slots[0], info));
	must_be(OK, p11.GetTokenInfo(slots[0], info));
	must_be(NO_EVENT, p11.WaitForSlotEvent(DONT_BLOCK, &event, NULL));
}

static void *work(void *number)
{
	CK session = open_session(), key = find_key(session), public_key = find_public_key(session);
	for (size_t round = (size_t)number; !stop; round++) {
		switch (round % 8) {
		case 0: sign_in_parts(session, key, public_key); break;
		case 1: visit(key); break;
		case 2: leave_in_the_middle(key); break;
		case 3: digest(session); break;
		case 4: read_attributes(session, key); break;
		case 5: look_at_slots(); break;
		default: sign_and_verify(session, key); break;
		}
		done++;
	}
	must_be(OK, p11.CloseSession(session));
	return NULL;
}

void mixed_load(int seconds)
{
	pthread_t threads[THREADS];
	for (size_t number = 0; number < THREADS; number++)
		must(pthread_create(&threads[number], NULL, work, (void *)number) == 0);
	/* By then each thread has its stack, its connection and its arena. */
	usleep(400000u * (unsigned)seconds);
	struct usage before = usage();
	long first = done;
	usleep(600000u * (unsigned)seconds);
	/* A pool of at most four connections may still have grown. */
	must_not_have_grown(before, 4, 8192);
	must(done > first);
	stop = 1;
	for (size_t number = 0; number < THREADS; number++)
		pthread_join(threads[number], NULL);
	printf("%ld rounds\n", (long)done);
}
