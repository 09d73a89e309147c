import { byId } from './element.ts';

/** Opens the camera in a dialog when its button is pressed. @param given is called with the middle square of the picture that is taken */
export function listenForCamera(given: (picture: HTMLCanvasElement) => void, failed: (why: string) => void): void {
  const button = byId('camera', HTMLButtonElement);
  const dialog = byId('shutter', HTMLDialogElement);
  const video = byId('video', HTMLVideoElement);
  button.hidden = !navigator.mediaDevices?.getUserMedia;
  const stop = () => {
    const stream = video.srcObject as MediaStream | null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  dialog.onclose = stop;
  byId('leave', HTMLButtonElement).onclick = () => dialog.close();
  byId('shoot', HTMLButtonElement).onclick = () => {
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (side === 0) return;
    const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
    canvas.getContext('2d')?.drawImage(video, (side - video.videoWidth) / 2, (side - video.videoHeight) / 2);
    dialog.close();
    given(canvas);
  };
  button.onclick = async () => {
    button.disabled = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      dialog.showModal();
      await video.play().catch((error: unknown) => {
        // A person who leaves before the first picture ends it, which is no failure.
        if (dialog.open) throw error;
      });
    } catch (error) {
      stop();
      dialog.close();
      failed(`The camera can't be used: ${(error as Error).message}. Allow it in the browser, or choose a file.`);
    } finally {
      button.disabled = false;
    }
  };
}
