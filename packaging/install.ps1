# 用旁边的文件安装 gridmap，不用网络。
# Installs gridmap from the files beside this script, with no network and no index.
#
#     powershell -ExecutionPolicy Bypass -File install.ps1 [FOLDER]
#
# Written for the PowerShell 5.1 of every Windows: the byte order mark says that this is UTF-8,
# and errors of programs are recognised only by their exit codes.
param([string]$Target = (Join-Path $PSScriptRoot "gridmap-env"))
$numpy = Get-ChildItem -LiteralPath $PSScriptRoot -Filter "numpy-*.whl" | Select-Object -First 1
if (-not ("$numpy" -match "-cp3(\d+)-cp3")) {
    Write-Host "本脚本旁边没有安装文件。 There are no files to install beside this script."
    exit 2
}
$wanted = "3." + $Matches[1]
if (-not (Split-Path $Target -IsAbsolute)) { $Target = Join-Path (Get-Location).Path $Target }
$python = "py"
$choice = @("-$wanted")
if (-not (Get-Command py -ErrorAction SilentlyContinue)) {
    $python = "python"
    $choice = @()
}
$found = ""
if (Get-Command $python -ErrorAction SilentlyContinue) {
    $found = & $python @choice -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>$null
}
if ($found -ne $wanted) {
    Write-Host "请先安装 64 位的 Python $wanted。 Install Python $wanted (64 bit) first."
    exit 2
}
$wheel = (Get-ChildItem -LiteralPath $PSScriptRoot -Filter "gridmap-*.whl" | Select-Object -First 1).FullName
if (-not $wheel) {
    Write-Host "本脚本旁边没有 gridmap-*.whl。 There is no gridmap-*.whl beside this script."
    exit 2
}
Write-Host "正在安装，约两三分钟…… Installing; two or three minutes ..."
& $python @choice -m venv $Target
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
# This also upgrades an older installation: every package of this folder is installed anew.
# A file whose hash differs from the collected one is refused.
& "$Target\Scripts\python.exe" -m pip install --quiet --no-index --force-reinstall --find-links $PSScriptRoot --require-hashes -r (Join-Path $PSScriptRoot "requirements.txt")
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
& "$Target\Scripts\gridmap.exe" warm
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Write-Host "gridmap 已装好，启动： & `"$Target\Scripts\gridmap.exe`" app"
Write-Host "gridmap is installed. Start it with: & `"$Target\Scripts\gridmap.exe`" app"
