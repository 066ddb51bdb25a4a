# Puts the content snapshot of a release into the folder that the agent's container mounts. Every value comes
# from the environment: HEADPIN_REPOSITORY and HEADPIN_BRANCH say where it is, HEADPIN_CONTENT is its tree id,
# HEADPIN_TARGET the folder, HOME a scratch folder; HEADPIN_USERNAME and HEADPIN_PASSWORD, or the folder
# HEADPIN_KEYS, open the repository. May be run again after it was killed at any point.
set -eu
umask 022

say() { printf 'headpin: %s\n' "$1" >&2; }
fetch() { git fetch --quiet --no-tags --no-write-fetch-head "$@"; }
is_here() { git cat-file -e "$HEADPIN_CONTENT^{tree}" 2>/dev/null; }

GIT_DIR="$HOME/repository.git"
export GIT_DIR
rm -rf "$GIT_DIR"
git init --quiet --bare --template= "$GIT_DIR"
git config core.symlinks false
git config core.bigFileThreshold 16m
git config pack.threads 1
git config gc.auto 0
git config http.followRedirects false
git config http.lowSpeedLimit 1000
git config http.lowSpeedTime 60
git config remote.origin.url "$HEADPIN_REPOSITORY"
# What .gitattributes in the content says is for people: files arrive byte for byte.
mkdir -p "$GIT_DIR/info"
printf '* -text -ident -filter !eol !working-tree-encoding\n' > "$GIT_DIR/info/attributes"

if [ -n "${HEADPIN_PASSWORD:-}" ]; then
  git config credential.helper '!f() { test "$1" = get && printf "%s\n" "username=${HEADPIN_USERNAME:-git}" "password=$HEADPIN_PASSWORD"; }; f'
fi
if [ -n "${HEADPIN_KEYS:-}" ]; then
  # ssh takes no key that others could read, and none without a line break at its end.
  rm -f "$HOME/key"
  (umask 077; cat "$HEADPIN_KEYS/ssh-privatekey" > "$HOME/key"; echo >> "$HOME/key")
  GIT_SSH_COMMAND='ssh -F /dev/null -i "$HOME/key" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=30'
  GIT_SSH_COMMAND="$GIT_SSH_COMMAND"' -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$HEADPIN_KEYS/known_hosts"'
  export GIT_SSH_COMMAND
fi

# Just the snapshot, where the server gives objects by their id; else the branch's last commit; else all of them,
# because a pod of an older release still gets the content of that release. Without a filter: a server that has
# filters also gives objects by their id.
fetch origin "$HEADPIN_CONTENT" 2>/dev/null || say "the server does not give the content by its id; reading $HEADPIN_BRANCH"
if ! is_here; then
  fetch --depth=1 origin "$HEADPIN_BRANCH"
fi
if ! is_here; then
  say "the content is not at the tip of $HEADPIN_BRANCH; reading its history"
  fetch --depth=2147483647 origin "$HEADPIN_BRANCH"
fi
if ! is_here; then
  say "the content $HEADPIN_CONTENT is in no commit of $HEADPIN_BRANCH"
  exit 1
fi
git --work-tree="$HEADPIN_TARGET" read-tree --reset -u "$HEADPIN_CONTENT"
rm -rf "$GIT_DIR" "$HOME/key"
say "the content $HEADPIN_CONTENT is in place"
