# Completion of vmlab for bash: vmlab itself says what fits at the cursor ("vmlab completion -- WORDS").

_vmlab() {
  # Bash breaks words at the characters of COMP_WORDBREAKS (: and = among them), vmlab does not: what stands side by side
  # on the line is put together again.
  local rest=${COMP_LINE:0:COMP_POINT} part index
  local -a words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    part=${COMP_WORDS[index]}
    if [[ $rest == [[:space:]]* || $index == 0 ]]; then
      rest=${rest#"${rest%%[![:space:]]*}"}
      words+=("")
    fi
    [[ $rest == "$part"* ]] || part=$rest
    words[${#words[@]}-1]+=$part
    rest=${rest#"$part"}
  done
  local -a plain=()
  for part in "${words[@]:1}"; do plain+=("${part//[\'\"\\]/}"); done
  ((${#plain[@]} > 0)) || return
  local current=${plain[${#plain[@]}-1]}

  local line value also=
  local -a values=()
  while IFS= read -r line; do
    if [[ $line == :* ]]; then also=" ${line#:} "; continue; fi
    value=${line%%$'\t'*}
    if [[ $value == "$current"* ]]; then values+=("$value"); fi
  done < <(vmlab completion -- "${plain[@]}" 2>/dev/null)

  # Readline replaces only what follows the last such character.
  local break kept=
  for break in : =; do
    if [[ $COMP_WORDBREAKS == *"$break"* && $current == *"$break"* && ${current%"${current##*"$break"}"} == "$kept"* ]]; then
      kept=${current%"${current##*"$break"}"}
    fi
  done
  COMPREPLY=()
  for value in "${values[@]}"; do
    value=${value#"$kept"}
    if [[ $value == *[!A-Za-z0-9_.,:=/@%+-]* ]]; then printf -v value %q "$value"; fi
    COMPREPLY+=("$value")
  done
  case $also in
    *' files '*)
      if ((${#values[@]} == 0)); then
        compopt -o default
      else
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "${current#"$kept"}")
      fi
      ;;
    *' folders '*) compopt -o dirnames ;;
  esac
  case $also in *' open '*) compopt -o nospace ;; esac
}

complete -F _vmlab vmlab
