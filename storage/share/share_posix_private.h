/* share_posix_private.h - one call of the posix backend, as the pool sees it */
#ifndef STORAGE_SHARE_SHARE_POSIX_PRIVATE_H
#define STORAGE_SHARE_SHARE_POSIX_PRIVATE_H

#include "storage/share/share.h"

/*
 * A job owns all its memory: names, data and results are copied in and out, so
 * that an op may end by timeout, or the share be closed, while a thread still
 * executes it.
 */
struct posix_dirent {
	uint64_t fileid;
	size_t name_at, name_n;	/* in job->text */
	struct share_fh fh;	/* n == 0: none */
};

struct posix_job {
	int root;		/* descriptor, shared by all jobs */
	enum share_proc proc;
	struct share_fh fh, to;
	char name[SHARE_NAME_MAX + 1], to_name[SHARE_NAME_MAX + 1];
	char *data;		/* WRITE in, READ out, SYMLINK text in */
	uint64_t offset;
	uint32_t length, mode;
	bool stable, plus;

	/* out */
	int errnum;
	bool sync_failed;
	struct share_fh fh_r;
	struct share_attr attr_r, dir_attr_r;
	bool attr_ok, dir_attr_ok, eof_r;
	uint32_t count_r;
	char *text;		/* READLINK, names of READDIR */
	size_t text_n, text_size;
	struct posix_dirent *ent;
	size_t ent_n, ent_size;
	struct share_fsstat fsstat_r;
};

/* Execute; runs in a thread of the pool. */
void posix_job_blocking(struct posix_job *j);
/* The root's handle, from its descriptor; 0 or errno. */
int posix_root_fh(int root, struct share_fh *fh_r);

#endif
