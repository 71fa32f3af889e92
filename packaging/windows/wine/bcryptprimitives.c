/*
 * A library of Windows 10 that Wine 8 lacks and programs written in Rust take random numbers from.
 * Only for trials in Wine; nothing of it is in the installer.
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, of advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    return SystemFunction036(data, (ULONG)length);
}
