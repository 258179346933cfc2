/* What lifecycle.c and mixed.c share: PKCS#11's types and numbers as far as they need them, and the usual calls. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long CK;

/* pkcs11t.h */
#define OK 0x0ul
#define GENERAL_ERROR 0x5ul
#define NO_EVENT 0x8ul
#define ATTRIBUTE_SENSITIVE 0x11ul
#define OPERATION_ACTIVE 0x90ul
#define SESSION_HANDLE_INVALID 0xB3ul
#define SIGNATURE_INVALID 0xC0ul
#define USER_ALREADY_LOGGED_IN 0x100ul
#define BUFFER_TOO_SMALL 0x150ul
#define NOT_INITIALIZED 0x190ul
#define ALREADY_INITIALIZED 0x191ul
#define CANT_CREATE_OS_THREADS 0x1ul
#define OS_LOCKING_OK 0x2ul
#define DONT_BLOCK 0x1ul
#define RW_SERIAL_SESSION 0x6ul
#define USER 1ul
#define PUBLIC_KEY 2ul
#define PRIVATE_KEY 3ul
#define CLASS 0x0ul
#define LABEL 0x3ul
#define VALUE 0x11ul
#define SHA256 0x250ul
#define ECDSA_SHA256 0x1044ul

struct attribute {
	CK type;
	void *value;
	CK length;
};

struct mechanism {
	CK type;
	void *parameter;
	CK length;
};

struct initialize_args {
	CK (*create)(void **), (*destroy)(void *), (*lock)(void *), (*unlock)(void *);
	CK flags;
	void *reserved;
};

#define FUNCTIONS \
	FUNCTION(Initialize) FUNCTION(Finalize) FUNCTION(GetSlotList) FUNCTION(GetSlotInfo) FUNCTION(GetTokenInfo) \
	FUNCTION(WaitForSlotEvent) FUNCTION(OpenSession) FUNCTION(CloseSession) FUNCTION(Login) FUNCTION(FindObjectsInit) \
	FUNCTION(FindObjects) FUNCTION(FindObjectsFinal) FUNCTION(GetAttributeValue) FUNCTION(SignInit) FUNCTION(Sign) \
	FUNCTION(SignUpdate) FUNCTION(SignFinal) FUNCTION(VerifyInit) FUNCTION(Verify) FUNCTION(DigestInit) \
	FUNCTION(Digest) FUNCTION(GenerateRandom)

extern struct functions {
	CK (*Initialize)(void *);
	CK (*Finalize)(void *);
	CK (*GetSlotList)(unsigned char, CK *, CK *);
	CK (*GetSlotInfo)(CK, void *);
	CK (*GetTokenInfo)(CK, void *);
	CK (*WaitForSlotEvent)(CK, CK *, void *);
	CK (*OpenSession)(CK, CK, void *, void *, CK *);
	CK (*CloseSession)(CK);
	CK (*Login)(CK, CK, unsigned char *, CK);
	CK (*FindObjectsInit)(CK, struct attribute *, CK);
	CK (*FindObjects)(CK, CK *, CK, CK *);
	CK (*FindObjectsFinal)(CK);
	CK (*GetAttributeValue)(CK, CK, struct attribute *, CK);
	CK (*SignInit)(CK, struct mechanism *, CK);
	CK (*Sign)(CK, unsigned char *, CK, unsigned char *, CK *);
	CK (*SignUpdate)(CK, unsigned char *, CK);
	CK (*SignFinal)(CK, unsigned char *, CK *);
	CK (*VerifyInit)(CK, struct mechanism *, CK);
	CK (*Verify)(CK, unsigned char *, CK, unsigned char *, CK);
	CK (*DigestInit)(CK, struct mechanism *);
	CK (*Digest)(CK, unsigned char *, CK, unsigned char *, CK *);
	CK (*GenerateRandom)(CK, unsigned char *, CK);
} p11;

#define must(condition) must_hold((condition), #condition, __FILE__, __LINE__)

static inline void must_hold(int holds, const char *condition, const char *file, int line)
{
	if (!holds) {
		fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
		abort();
	}
}

#define must_be(expected, call) must_return((expected), (call), #call, __FILE__, __LINE__)

static inline void must_return(CK expected, CK rv, const char *call, const char *file, int line)
{
	if (rv != expected) {
		fprintf(stderr, "%s:%d: 0x%lx, not 0x%lx: %s\n", file, line, rv, expected, call);
		abort();
	}
}

/* In the first slot with a token; the test's daemon has one. */
static inline CK open_session(void)
{
	CK slots[8], count = 8, session = 0;
	must_be(OK, p11.GetSlotList(1, slots, &count));
	must(count >= 1);
	must_be(OK, p11.OpenSession(slots[0], RW_SERIAL_SESSION, NULL, NULL, &session));
	return session;
}

static inline CK login(CK session)
{
	char *pin = getenv("SOFTKEEP_PIN");
	return p11.Login(session, USER, (unsigned char *)pin, strlen(pin));
}

static inline CK find(CK session, CK class)
{
	CK found[2], count = 0;
	struct attribute template[] = {{CLASS, &class, sizeof class}, {LABEL, "ec", 2}};
	must_be(OK, p11.FindObjectsInit(session, template, 2));
	must_be(OK, p11.FindObjects(session, found, 2, &count));
	must_be(OK, p11.FindObjectsFinal(session));
	must(count == 1);
	return found[0];
}

static inline CK find_key(CK session)
{
	return find(session, PRIVATE_KEY);
}

static inline CK find_public_key(CK session)
{
	return find(session, PUBLIC_KEY);
}

static inline CK sign(CK session, CK key)
{
	unsigned char signature[64];
	CK length = sizeof signature;
	struct mechanism ecdsa = {ECDSA_SHA256, NULL, 0};
	CK rv = p11.SignInit(session, &ecdsa, key);
	return rv == OK ? p11.Sign(session, (unsigned char *)"message", 7, signature, &length) : rv;
}

static inline void sign_and_verify(CK session, CK key)
{
	/* As long as the signature and no longer: AddressSanitizer sees a byte too many. */
	unsigned char *signature = malloc(64);
	CK length = 64;
	struct mechanism ecdsa = {ECDSA_SHA256, NULL, 0};
	must_be(OK, p11.SignInit(session, &ecdsa, key));
	must_be(OK, p11.Sign(session, (unsigned char *)"message", 7, signature, &length));
	must_be(OK, p11.VerifyInit(session, &ecdsa, find_public_key(session)));
	must_be(OK, p11.Verify(session, (unsigned char *)"message", 7, signature, length));
	free(signature);
}

struct usage {
	long kib;
	int descriptors;
};

/* Memory and descriptors of this process. */
struct usage usage(void);
void must_not_have_grown(struct usage before, int more_descriptors, long more_kib);

void mixed_load(int seconds);
