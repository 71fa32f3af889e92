; Corral-Setup.exe: installs Corral for the person who runs it, without an administrator's rights.
;
; Compiled by image.py, which defines VERSION, VERSION_NUMBERS, SIZE (in KiB), ENGINE (an id, may be
; empty), ICON, SIDE (a picture), FILES (a script with a File line for every file), OUTPUT and, for
; trials, QUICK.
;
;   Corral-Setup.exe /S             without a window; installs, upgrades or repairs
;   Corral-Setup.exe /D=C:\Folder   elsewhere; the last word, without quotes
;   uninstall-corral.exe /S         removes the program and keeps the person's data
;
; Exit codes, also of the uninstaller: 0 done, 1 cancelled, 2 failed, 3 Corral is running,
; 4 the folder belongs to something else, 5 this Windows is too old.

Unicode true
Target amd64-unicode
RequestExecutionLevel user
ManifestSupportedOS Win10
ManifestDPIAware true
!ifdef QUICK
SetCompressor zlib
!else
SetCompressor /SOLID lzma
SetCompressorDictSize 32
!endif
CRCCheck force

!include "MUI2.nsh"
!include "LogicLib.nsh"

!define UNINSTALL_KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Corral"
!define APP_PATHS_KEY "Software\Microsoft\Windows\CurrentVersion\App Paths\corral.exe"
!define RUN_KEY "Software\Microsoft\Windows\CurrentVersion\Run"
!define CLASSES "Software\Classes"
!define OLDEST_BUILD 17763 ; Windows 10 of 2018, which Qt asks for

!define CANCELLED 1
!define FAILED 2
!define RUNNING 3
!define FOREIGN_FOLDER 4
!define OLD_WINDOWS 5

; Exit codes of corral_delete_data.py.
!define DATA_IN_USE 10
!define DATA_LEFT 11

Name "Corral"
OutFile "${OUTPUT}"
InstallDir "$LOCALAPPDATA\Programs\Corral"
InstallDirRegKey HKCU "${UNINSTALL_KEY}" "InstallLocation"
BrandingText "Corral ${VERSION}"
ShowInstDetails nevershow
ShowUninstDetails nevershow

VIProductVersion "${VERSION_NUMBERS}"
VIAddVersionKey "ProductName" "Corral"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Corral Setup"
VIAddVersionKey "CompanyName" "The Corral project"
VIAddVersionKey "LegalCopyright" "Apache License 2.0"

Var Before ; the version that is installed already, or empty
Var Welcome

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${SIDE}"
!define MUI_WELCOMEFINISHPAGE_BITMAP_STRETCH AspectFitHeight
!define MUI_ABORTWARNING
!define MUI_CUSTOMFUNCTION_ABORT Cancelled
!define MUI_WELCOMEPAGE_TITLE "Corral ${VERSION}"
!define MUI_WELCOMEPAGE_TEXT "$Welcome"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_TITLE "Corral is installed"
!define MUI_FINISHPAGE_TEXT "You find it in the Start menu and on the desktop."
!define MUI_FINISHPAGE_RUN "$INSTDIR\corralw.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Start Corral"
!insertmacro MUI_PAGE_FINISH
!define MUI_UNCONFIRMPAGE_TEXT_TOP "Corral is removed from this computer. Your chats, settings and models stay, unless you say otherwise when you are asked."
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Leaves with the exit code CODE; shows TEXT first where there is a window.
!macro Stop CODE TEXT
  MessageBox MB_OK|MB_ICONSTOP "${TEXT}" /SD IDOK
  SetErrorLevel ${CODE}
  Quit
!macroend

; Whether Corral runs from the folder, in $0: every process of it runs from one of two files, which
; Windows does not let anybody write to meanwhile. Waits a few seconds for one that is closing.
!macro LookWhetherRunning
  StrCpy $1 0
  ${Do}
    StrCpy $0 0
    ${If} ${FileExists} "$INSTDIR\corral.exe"
      ClearErrors
      FileOpen $2 "$INSTDIR\corral.exe" a
      ${If} ${Errors}
        StrCpy $0 1
      ${Else}
        FileClose $2
      ${EndIf}
    ${EndIf}
    ${If} ${FileExists} "$INSTDIR\corralw.exe"
      ClearErrors
      FileOpen $2 "$INSTDIR\corralw.exe" a
      ${If} ${Errors}
        StrCpy $0 1
      ${Else}
        FileClose $2
      ${EndIf}
    ${EndIf}
    ${If} $0 == 0
    ${OrIf} $1 >= 8
      ${ExitDo}
    ${EndIf}
    IntOp $1 $1 + 1
    Sleep 250
  ${Loop}
!macroend

!macro StopIfNotWritten
  ${If} ${Errors}
    !insertmacro Stop ${FAILED} "Not every file could be written to $INSTDIR. Is the disk full? Run this again; your chats, settings and models are untouched."
  ${EndIf}
!macroend

!macro RefuseWhileRunning
  ${Do}
    !insertmacro LookWhetherRunning
    ${If} $0 == 0
      ${ExitDo}
    ${EndIf}
    ${IfNot} ${Cmd} `MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Corral is running.$\n$\nQuit it first, so that nothing you are doing is lost: close its window and, if it goes on in the tray, choose Quit there. Then press Retry." /SD IDCANCEL IDRETRY`
      SetErrorLevel ${RUNNING}
      Quit
    ${EndIf}
  ${Loop}
!macroend

; Deletes what Corral wrote in the person's folders: WHAT is "caches" or "all". Not by RMDir /r, which
; goes through junctions and empties the folders that they lead to (corral_delete_data.py).
!macro DeleteData WHAT
  nsExec::Exec '"$INSTDIR\python\python.exe" -B -m corral_delete_data ${WHAT} "$LOCALAPPDATA\Corral"'
  Pop $0
  ${If} $0 == ${DATA_IN_USE}
    !insertmacro Stop ${FAILED} "Nothing was removed: a file in $LOCALAPPDATA\Corral is in use. Close the programs that use it and run this again."
  ${ElseIf} $0 == ${DATA_LEFT}
    MessageBox MB_OK|MB_ICONEXCLAMATION "Not everything in $LOCALAPPDATA\Corral could be deleted. What is left lies there or beside it, in a folder with $\".deleted-$\" in its name." /SD IDOK
  ${ElseIf} $0 != 0
    MessageBox MB_OK|MB_ICONEXCLAMATION "What lies in $LOCALAPPDATA\Corral stays, as Corral is damaged and cannot delete it. You can delete that folder yourself." /SD IDOK
  ${EndIf}
!macroend

; Links and model files are told about again.
!macro TellShell
  System::Call "shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)"
!macroend

Function Cancelled
  SetErrorLevel ${CANCELLED}
FunctionEnd

Function .onInit
  SetShellVarContext current
  SetRegView 64
  ReadRegStr $0 HKLM "SOFTWARE\Microsoft\Windows NT\CurrentVersion" "CurrentBuildNumber"
  ${If} $0 < ${OLDEST_BUILD}
    !insertmacro Stop ${OLD_WINDOWS} "Corral needs Windows 10 of the end of 2018 (version 1809) or newer."
  ${EndIf}
  ReadRegStr $Before HKCU "${UNINSTALL_KEY}" "DisplayVersion"
  ${If} $Before == ""
    StrCpy $Welcome "Run language models on your own computer.$\r$\n$\r$\nCorral is installed for you alone; no administrator is needed."
  ${ElseIf} $Before == "${VERSION}"
    StrCpy $Welcome "This version is installed already. Going on repairs it: every file of the program is put there anew.$\r$\n$\r$\nYour chats, settings and models stay as they are."
  ${Else}
    StrCpy $Welcome "Version $Before is replaced by ${VERSION}.$\r$\n$\r$\nYour chats, settings and models stay as they are."
  ${EndIf}
FunctionEnd

Section "Corral"
  ; What is deleted on the way must be Corral's own.
  ${If} ${FileExists} "$INSTDIR\*.*"
  ${AndIfNot} ${FileExists} "$INSTDIR\uninstall-corral.exe"
  ${AndIfNot} ${FileExists} "$INSTDIR\lib\corral_start.py"
    FindFirst $0 $1 "$INSTDIR\*.*"
    ${DoWhile} $1 != ""
      ${If} $1 != "."
      ${AndIf} $1 != ".."
        FindClose $0
        !insertmacro Stop ${FOREIGN_FOLDER} "There are other files in $INSTDIR. Choose an empty folder."
      ${EndIf}
      FindNext $0 $1
    ${Loop}
    FindClose $0
  ${EndIf}

  !insertmacro RefuseWhileRunning
  DetailPrint "Putting Corral's files in place"
  SetDetailsPrint none

  ; Before everything else: by it the folder is known as Corral's, so that an installation that
  ; broke off can be done again.
  ClearErrors
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall-corral.exe"
  !insertmacro StopIfNotWritten

  ; The engine before this one stays: Corral goes back to it where the new one fails. By its folder's
  ; name it comes after that of this version, which may be the earlier one (KEPT in
  ; app/core/installed_engines.py).
  ReadRegStr $3 HKCU "${UNINSTALL_KEY}" "Engine"
  ReadRegStr $4 HKCU "${UNINSTALL_KEY}" "EarlierEngine"
  ${If} $3 == "${ENGINE}"
    StrCpy $3 $4
  ${EndIf}
  FindFirst $0 $1 "$INSTDIR\engines\*.*"
  ${DoWhile} $1 != ""
    ${If} $1 != "."
    ${AndIf} $1 != ".."
    ${AndIf} $1 != $3
    ${AndIf} $1 != "before-$3"
      RMDir /r "$INSTDIR\engines\$1"
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
  ${If} $3 != ""
  ${AndIf} ${FileExists} "$INSTDIR\engines\$3\engine.json"
    RMDir /r "$INSTDIR\engines\before-$3"
    ClearErrors
    Rename "$INSTDIR\engines\$3" "$INSTDIR\engines\before-$3"
    ${If} ${Errors}
      RMDir /r "$INSTDIR\engines\$3"
    ${EndIf}
  ${EndIf}
  RMDir /r "$INSTDIR\lib"
  RMDir /r "$INSTDIR\notices"
  RMDir /r "$INSTDIR\python"

  ClearErrors
  !include "${FILES}"
  SetOutPath "$INSTDIR"
  !insertmacro StopIfNotWritten

  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "Corral"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\corralw.exe,0"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "The Corral project"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall-corral.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall-corral.exe" /S'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Engine" "${ENGINE}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "EarlierEngine" "$3"
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" ${SIZE}
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1

  CreateShortcut "$SMPROGRAMS\Corral.lnk" "$INSTDIR\corralw.exe" "" "$INSTDIR\corralw.exe" 0 SW_SHOWNORMAL "" "Language models on this computer"
  ${If} $Before == "" ; later it is there, or was deleted on purpose
    CreateShortcut "$DESKTOP\Corral.lnk" "$INSTDIR\corralw.exe" "" "$INSTDIR\corralw.exe" 0
  ${EndIf}

  ; corral:// links
  WriteRegStr HKCU "${CLASSES}\corral" "" "URL:Corral"
  WriteRegStr HKCU "${CLASSES}\corral" "URL Protocol" ""
  WriteRegStr HKCU "${CLASSES}\corral\DefaultIcon" "" "$INSTDIR\corralw.exe,0"
  WriteRegStr HKCU "${CLASSES}\corral\shell\open\command" "" '"$INSTDIR\corralw.exe" "%1"'

  ; .gguf files; one that another program opens stays with it, and Corral is offered beside it
  WriteRegStr HKCU "${CLASSES}\Corral.gguf" "" "Language model (GGUF)"
  WriteRegStr HKCU "${CLASSES}\Corral.gguf\DefaultIcon" "" "$INSTDIR\corralw.exe,0"
  WriteRegStr HKCU "${CLASSES}\Corral.gguf\shell\open\command" "" '"$INSTDIR\corralw.exe" "%1"'
  WriteRegStr HKCU "${CLASSES}\.gguf\OpenWithProgids" "Corral.gguf" ""
  ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
  ReadRegStr $1 HKCR ".gguf" "" ; what was installed for everybody, too
  ${If} $0$1 == ""
    WriteRegStr HKCU "${CLASSES}\.gguf" "" "Corral.gguf"
  ${EndIf}

  ; in the settings of Windows, under default programs
  WriteRegStr HKCU "Software\Corral\Capabilities" "ApplicationName" "Corral"
  WriteRegStr HKCU "Software\Corral\Capabilities" "ApplicationDescription" "Language models on this computer"
  WriteRegStr HKCU "Software\Corral\Capabilities\FileAssociations" ".gguf" "Corral.gguf"
  WriteRegStr HKCU "Software\Corral\Capabilities\UrlAssociations" "corral" "corral"
  WriteRegStr HKCU "Software\RegisteredApplications" "Corral" "Software\Corral\Capabilities"

  WriteRegStr HKCU "${APP_PATHS_KEY}" "" "$INSTDIR\corralw.exe"
  nsExec::Exec '"$INSTDIR\python\python.exe" -B -m corral_user_path add "$INSTDIR"'
  Pop $0
  !insertmacro TellShell
SectionEnd

Function un.onInit
  SetShellVarContext current
  SetRegView 64
FunctionEnd

Section "Uninstall"
  ${IfNot} ${FileExists} "$INSTDIR\lib\corral_start.py"
  ${AndIfNot} ${FileExists} "$INSTDIR\corralw.exe"
    !insertmacro Stop ${FOREIGN_FOLDER} "Corral is not in $INSTDIR."
  ${EndIf}
  !insertmacro RefuseWhileRunning

  ; What can be fetched or computed again goes too; what a person made stays, unless they say so.
  ; First of all: while a file is in use there nothing is removed.
  StrCpy $3 0 ; whether there is more
  FindFirst $0 $1 "$LOCALAPPDATA\Corral\*.*"
  ${DoWhile} $1 != ""
    ${If} $1 != "."
    ${AndIf} $1 != ".."
    ${AndIf} $1 != "Cache"
    ${AndIf} $1 != "Logs"
      StrCpy $3 1
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
  ${If} $3 == 1
  ${AndIf} ${Cmd} `MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Corral is going to be removed. Delete what you made with it, too?$\n$\nThese are your chats, settings, presets and the models that you downloaded, in $LOCALAPPDATA\Corral. They cannot be brought back. Folders elsewhere that are only linked there stay." /SD IDNO IDYES`
    !insertmacro DeleteData all
  ${ElseIf} ${FileExists} "$LOCALAPPDATA\Corral\*.*"
    !insertmacro DeleteData caches
  ${EndIf}

  DetailPrint "Removing Corral's files"
  SetDetailsPrint none

  nsExec::Exec '"$INSTDIR\python\python.exe" -B -m corral_user_path remove "$INSTDIR"'
  Pop $0
  RMDir /r "$INSTDIR\engines"
  RMDir /r "$INSTDIR\lib"
  RMDir /r "$INSTDIR\notices"
  RMDir /r "$INSTDIR\python"
  Delete "$INSTDIR\corral.exe"
  Delete "$INSTDIR\corralw.exe"
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\uninstall-corral.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Corral.lnk"
  Delete "$DESKTOP\Corral.lnk"

  ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""
  ${If} $0 == "Corral.gguf"
    DeleteRegValue HKCU "${CLASSES}\.gguf" ""
  ${EndIf}
  DeleteRegValue HKCU "${CLASSES}\.gguf\OpenWithProgids" "Corral.gguf"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf\OpenWithProgids"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf"
  DeleteRegKey HKCU "${CLASSES}\Corral.gguf"
  DeleteRegKey HKCU "${CLASSES}\corral"
  DeleteRegKey HKCU "Software\Corral\Capabilities"
  DeleteRegKey /ifempty HKCU "Software\Corral"
  DeleteRegValue HKCU "Software\RegisteredApplications" "Corral"
  DeleteRegValue HKCU "${RUN_KEY}" "Corral" ; the wish to start at login
  DeleteRegKey HKCU "${APP_PATHS_KEY}"
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  !insertmacro TellShell
SectionEnd
