/*
 * corral.exe and corralw.exe: start Corral in the Python that is installed beside them.
 *
 * Python runs inside this very process, so that Corral has its own name and icon in the task
 * manager, in the taskbar and in questions of the firewall, and no second process to end.
 * Compiled with CORRAL_WINDOW this is corralw.exe, which has no console.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#define LONGEST_PATH 32768
#define OWN_WORDS 6

typedef int (*python_main)(int, wchar_t **);

static void tell(const wchar_t *what, const wchar_t *file, DWORD error)
{
    static wchar_t text[LONGEST_PATH + 512];
    _snwprintf(text, LONGEST_PATH + 511,
               L"Corral is not complete: %ls %ls (error %lu).\n"
               L"Run Corral-Setup.exe again, it repairs this. Chats, settings and models stay.\n",
               file, what, error);
#ifdef CORRAL_WINDOW
    MessageBoxW(NULL, text, L"Corral", MB_OK | MB_ICONERROR);
#else
    fputws(text, stderr);
#endif
}

/* The folder that this program lies in, in `path`, with a backslash at its end. */
static BOOL own_folder(wchar_t *path)
{
    DWORD length = GetModuleFileNameW(NULL, path, LONGEST_PATH);
    if (length == 0 || length >= LONGEST_PATH - 64)
        return FALSE;
    wchar_t *end = wcsrchr(path, L'\\');
    if (end == NULL)
        return FALSE;
    end[1] = 0;
    return TRUE;
}

static int start(int count, wchar_t **words)
{
    static wchar_t library[LONGEST_PATH];
    if (!own_folder(library)) {
        tell(L"has no usable path", L"the program", GetLastError());
        return 1;
    }
    wcscat(library, L"python\\" CORRAL_PYTHON);
    SetDllDirectoryW(L""); /* nothing is loaded from the folder that it is started in */
    HMODULE python = LoadLibraryExW(library, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (python == NULL) {
        tell(L"cannot be loaded", library, GetLastError());
        return 1;
    }
    python_main run = (python_main)(void *)GetProcAddress(python, "Py_Main");
    if (run == NULL) {
        tell(L"is not the right one", library, GetLastError());
        return 1;
    }
    wchar_t **all = calloc((size_t)count + OWN_WORDS, sizeof *all);
    if (all == NULL)
        return 1;
    int used = 0;
    all[used++] = words[0];
    all[used++] = L"-B"; /* the folder of the program stays as it was installed */
    all[used++] = L"-X";
    all[used++] = L"utf8";
    all[used++] = L"-m";
    all[used++] = L"corral_start";
    for (int i = 1; i < count; i++)
        all[used++] = words[i];
    return run(used, all);
}

#ifdef CORRAL_WINDOW
int WINAPI wWinMain(HINSTANCE own, HINSTANCE unused, wchar_t *line, int show)
{
    (void)own, (void)unused, (void)line, (void)show;
    return start(__argc, __wargv);
}
#else
int wmain(int count, wchar_t **words)
{
    return start(count, words);
}
#endif
